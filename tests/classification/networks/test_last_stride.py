import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.last_stride import without_last_stride
from cxr.classification.networks.registry import NETWORKS
from cxr.config.member import Member


def build(network, last_stride):
    return build_classifier(Member(network=network, image_px=96, last_stride=last_stride), 3)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_gets_a_map_at_least_twice_as_fine_and_keeps_its_weights(network):
    published = build(network, 2)
    finer = without_last_stride(published)
    coarse, fine = (model.get_layer("features").output.shape[1] for model in (published, finer))
    assert fine >= 2 * coarse
    assert {layer.name for layer in finer.layers} == {layer.name for layer in published.layers}
    for layer in finer.layers:
        assert [w.shape for w in layer.weights] == [w.shape for w in published.get_layer(layer.name).weights]
    assert not any(isinstance(layer, keras.Model) for layer in finer.layers)


@pytest.mark.parametrize("network", ["tiny", "densenet169"])
def test_weights_are_taken_over_layer_by_layer(network):
    model = build(network, 2)
    for layer in without_last_stride(model).layers:
        assert len(layer.weights) == len(model.get_layer(layer.name).weights)
        for mine, theirs in zip(layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_every_second_place_of_the_finer_map_is_the_published_one():
    """Where the shrinking layer comes last, its finer map, read at every second place, is the coarse one."""
    image = keras.Input((16, 16, 1))
    x = layers.ZeroPadding2D(1)(layers.Conv2D(4, 3, strides=2, padding="same")(image))
    x = layers.Activation("linear", name="features")(layers.Conv2D(5, 3, strides=2, padding="valid")(x))
    model = keras.Model(image, x)
    images = np.random.default_rng(0).uniform(size=(2, 16, 16, 1))
    coarse, fine = model.predict(images, verbose=0), without_last_stride(model).predict(images, verbose=0)
    assert (coarse.shape[1], fine.shape[1]) == (4, 8)
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
def test_momentum_without_pretrained_weights_stays(network):
    norms = [layer for layer in build(network, 1).layers if isinstance(layer, layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.9}
