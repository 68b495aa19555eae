import keras
import numpy as np
from keras import layers

from cxr.classification.networks.classifier import build_classifier
from cxr.classification.networks.last_stride import without_last_stride
from cxr.config.member import Member


def test_weights_are_taken_over_layer_by_layer():
    model = build_classifier(Member(network="tiny", image_px=96), 3)
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
