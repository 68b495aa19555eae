import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from cxr.classification.networks.classifier import build_classifier
from cxr.config.errors import UserError
from cxr.config.member import Member

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A random EfficientNetB0 in the place of the trained one, and its file as Keras would download it."""
    keras.utils.set_random_seed(8)
    original = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(64, 64, 3))
    random = np.random.default_rng(8)
    original.set_weights([w + random.uniform(0, 0.1, w.shape).astype(w.dtype) for w in original.get_weights()])
    normalization = next(layer for layer in original.layers if isinstance(layer, keras.layers.Normalization))
    normalization.set_weights([MEAN, STD, np.array(0)])  # Keras' file holds deviations where it says variances
    path = tmp_path_factory.mktemp("download") / "efficientnetb0_notop.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, original)
    return original, path


@pytest.fixture(scope="module")
def downloaded(pretrained):
    """Keras finds that file instead of the one on the net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(pretrained[1]))
        yield


@pytest.fixture(scope="module")
def model(downloaded):
    return build_classifier(Member(network="efficientnet_b0", image_px=64, weights="imagenet"), 3)


def test_pretrained_weights_arrive_in_the_flat_graph(model, pretrained):
    original, _ = pretrained
    with_weights = [layer for layer in original.layers if layer.weights]
    assert len(with_weights) > 100
    for layer in with_weights:
        if isinstance(layer, keras.layers.Normalization):
            layer_of_ours = next(one for one in model.layers if isinstance(one, keras.layers.Normalization))
        else:
            layer_of_ours = model.get_layer(layer.name)
        for found, expected in zip(layer_of_ours.get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_pretrained_networks_see_images_as_they_were_trained_on(model):
    images = np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    seen = keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer("stem_conv_pad").input)(images))
    np.testing.assert_allclose(seen, (np.repeat(images, 3, axis=-1) / 255 - MEAN) / STD, atol=1e-3)


def test_the_batch_norm_of_pretrained_networks_is_left_alone(model):
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.99}


def test_pretrained_weights_need_the_normalisation_they_were_trained_with(downloaded):
    member = Member(network="efficientnet_b0", image_px=64, weights="imagenet", normalization="zero_to_one")
    with pytest.raises(UserError, match='needs "normalization": "imagenet", not "zero_to_one"'):
        build_classifier(member, 3)


def test_pretrained_v2_gives_the_features_of_keras_own_graph(tmp_path, monkeypatch):
    keras.utils.set_random_seed(9)
    original = keras.applications.EfficientNetV2B0(include_top=False, weights=None, input_shape=(64, 64, 3))
    random = np.random.default_rng(9)
    original.set_weights([w + random.uniform(0, 0.1, w.shape).astype(w.dtype) for w in original.get_weights()])
    with h5py.File(tmp_path / "efficientnetv2-b0_notop.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, original)
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *_, **__: str(tmp_path / "efficientnetv2-b0_notop.h5")
    )
    ours = build_classifier(Member(network="efficientnet_v2_b0", image_px=64, weights="imagenet"), 3)
    images = random.uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    found = keras.Model(ours.input, ours.get_layer("features").output)(images, training=False)
    expected = original(np.repeat(images, 3, axis=-1), training=False)  # divides and normalises by itself
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(np.abs(expected).max()))
