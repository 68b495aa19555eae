"""U-Nets of segmentation_models: plain Keras, reloadable where that package is not imported."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.segmentation.encoders import build_encoder_unet

ALONE = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1], compile=False)
assert not {"segmentation_models", "efficientnet"} & set(sys.modules)
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(np.load(sys.argv[3]))))
"""


@pytest.mark.parametrize("network", ["resnet18", "resnet34", "efficientnetb0"])
def test_a_network_learns_and_comes_back_in_a_process_without_the_package(network, tmp_path):
    keras.utils.set_random_seed(1)
    unet = build_encoder_unet(network, 32)
    assert unet.input.name == "image"
    assert unet.output_names == ["mask"]
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    unet.compile("adam", "binary_crossentropy", run_eagerly=True)
    first = float(unet.train_on_batch(images, (images > 128).astype(np.float32)))
    assert np.isfinite(first)
    masks = keras.ops.convert_to_numpy(unet(images))
    assert masks.shape == images.shape
    assert 0 <= masks.min() < masks.max() <= 1
    unet.save(tmp_path / "unet.keras")
    np.save(tmp_path / "images.npy", images)
    files = [tmp_path / name for name in ("unet.keras", "masks.npy", "images.npy")]
    subprocess.run([sys.executable, "-c", ALONE, *map(str, files)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "masks.npy"), masks, atol=1e-5)


def test_statistics_of_batches_follow_fast_enough_for_short_runs():
    inner = build_encoder_unet("resnet18", 32).get_layer("mask")
    norms = [layer.momentum for layer in inner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert set(norms) == {0.9}


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models", None)
    with pytest.raises(UserError, match='"resnet18" needs the package segmentation-models, which cannot be imported'):
        build_encoder_unet("resnet18", 32)


def test_weights_that_cannot_be_fetched_are_one_sentence(monkeypatch):
    def refuse(*args, **keys):
        raise OSError("no internet")

    import segmentation_models

    monkeypatch.setattr(segmentation_models, "Unet", refuse)
    with pytest.raises(UserError, match="weights of resnet34 cannot be fetched \\(no internet\\)"):
        build_encoder_unet("resnet34", 32, pretrained=True)
