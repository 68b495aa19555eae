"""ImageNet weights, against Keras' own graphs: random networks take the place of the trained ones, as files."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.registry import NETWORKS
from cxr.config.errors import UserError
from cxr.config.member import Member

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
IMAGE_PX = 72
IN_THE_SUITE = ("efficientnet_b0", "efficientnet_v2_b0", "convnext_tiny", "mobilenet_v3_small")
"""Families whose graph or normalisation is not plainly that of Keras."""


@pytest.fixture
def download(tmp_path, monkeypatch):
    """A function: Keras' name of a network -> a random one, whose weights Keras will find where it looks for a file."""

    def make(name):
        keras.utils.set_random_seed(8)
        shape = (IMAGE_PX, IMAGE_PX, 3)
        original = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=shape)
        random = np.random.default_rng(8)
        moved = [w + random.uniform(0, 0.1, w.shape).astype(w.dtype) * (w.ndim == 1) for w in original.get_weights()]
        original.set_weights(moved)
        own = [layer for layer in original.layers if isinstance(layer, keras.layers.Normalization) and layer.weights]
        for layer in own:  # of EfficientNet: Keras' file holds deviations where it says variances
            layer.set_weights([MEAN, STD, np.array(0)])
        with h5py.File(tmp_path / "weights.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, original)
        for layer in own:
            layer.set_weights([MEAN, STD**2, np.array(0)])
            layer.finalize_state()
        monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(tmp_path / "weights.h5"))
        return original

    return make


def pretrained(network, normalization=None, anyway=False):
    normalization = normalization or NETWORKS[network].imagenet
    member = Member(
        network=network, image_px=IMAGE_PX, weights="imagenet", normalization=normalization, any_normalization=anyway
    )
    return build_classifier(member, 3)


def test_pretrained_networks_give_the_features_of_keras_own_graphs(any_network, download, pytestconfig):
    if not pytestconfig.getoption("--all") and any_network not in IN_THE_SUITE:
        pytest.skip("with --all")
    builders = {name.lower(): name for name in dir(keras.applications) if not name.islower()}
    name = builders.get(any_network.replace("_", ""))
    known = NETWORKS[any_network]
    if name is None or known.imagenet is None or known.least_px > IMAGE_PX:
        pytest.skip("Keras has no such network, or takes no images as small")
    original = download(name)
    ours = pretrained(any_network)
    images = np.random.default_rng(1).uniform(0, 255, (2, IMAGE_PX, IMAGE_PX, 1)).astype(np.float32)
    found = keras.Model(ours.input, ours.get_layer("features").output)(images, training=False)
    prepare = getattr(keras.applications, NETWORKS[any_network].module).preprocess_input
    expected = original(prepare(np.repeat(images, 3, axis=-1)), training=False)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(np.abs(expected).max()))


def test_attention_follows_blocks_4_and_13_and_leaves_room_for_the_weights_of_xception(download):
    original = download("Xception")
    model = pretrained("attention_xception")
    ours = {weight.tobytes() for weight in model.get_weights()}
    theirs = {weight.tobytes() for weight in original.get_weights()}
    assert len(theirs) == len(original.weights)  # no two alike
    assert theirs < ours
    for block, size, after in (("block4", 5, "block5_sepconv1_act"), ("block13", 3, "block14_sepconv1")):
        attended = model.get_layer(f"{block}_by_place").output
        assert model.get_layer(after).input is attended
        assert model.get_layer(f"{block}_spatial_attention").output.shape[1:] == (size, size, 1)
        assert model.get_layer(f"{block}_channel_attention").output.shape[1:] == (1, 1, attended.shape[-1])
        assert model.get_layer(f"{block}_channel_reduce").units == attended.shape[-1] // 8
        closing = model.get_layer(f"{block}_by_channel").input[0]._keras_history.operation
        assert isinstance(closing, keras.layers.Add)
        assert f"{block}_pool" in {tensor._keras_history.operation.name for tensor in closing.input}


def test_the_batch_norm_of_pretrained_networks_is_left_alone(download):
    download("MobileNet")
    norms = [layer for layer in pretrained("mobilenet").layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.99}


@pytest.mark.parametrize(
    ("network", "normalization", "message"),
    [
        ("efficientnet_b0", "zero_to_one", 'efficientnet_b0 .* needs "normalization": "imagenet", not "zero_to_one"'),
        ("xception", "imagenet", 'xception with ImageNet weights needs "normalization": "minus_one_to_one"'),
        ("densenet121", "per_image", 'densenet121 .* needs "normalization": "imagenet", not "per_image"'),
        ("tiny", "imagenet", 'network tiny has no ImageNet weights; use "weights": null'),
        ("resnet_v2_56", "imagenet", 'network resnet_v2_56 has no ImageNet weights; use "weights": null'),
    ],
)
def test_pretrained_weights_need_the_normalisation_they_were_trained_with(network, normalization, message):
    with pytest.raises(UserError, match=message) as raised:
        pretrained(network, normalization)
    assert "\n" not in str(raised.value)


def test_normalisations_can_be_compared_with_pretrained_weights_all_the_same(download):
    download("MobileNet")
    usual, other = pretrained("mobilenet"), pretrained("mobilenet", "per_image", anyway=True)
    kinds = [type(one.get_layer("normalize")) for one in (usual, other)]
    assert kinds == [keras.layers.Rescaling, keras.layers.LayerNormalization]
    for one, two in zip(usual.get_weights()[:-2], other.get_weights()[:-2], strict=True):  # all but the new head
        np.testing.assert_array_equal(one, two)
    with pytest.raises(UserError, match=r'needs "normalization": "imagenet", not "per_image"$'):
        pretrained("efficientnet_b0", "per_image")


@pytest.mark.parametrize("normalization", ["per_image", "imagenet"])
def test_a_network_that_normalises_by_itself_refuses_to_be_compared(normalization):
    with pytest.raises(UserError, match='normalises by itself: leave "any_normalization" out'):
        pretrained("efficientnet_b0", normalization, anyway=True)
