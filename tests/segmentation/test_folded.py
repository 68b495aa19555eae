import keras
import numpy as np
import pytest
from keras import layers

from cxr.segmentation.encoders import build_encoder_unet
from cxr.segmentation.folded import fold_norms
from cxr.segmentation.lite import build_lite_unet
from cxr.segmentation.unet import build_unet

PX = 32


def shaken(model):
    """The same network with statistics and factors as training leaves them."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.gamma.shape
            factors = [random.uniform(0.5, 2, shape), random.normal(size=shape)]
            layer.set_weights([*factors, random.normal(size=shape), random.uniform(0.1, 3, shape)])
    return model


FLAT = pytest.mark.parametrize(
    "build", [lambda: build_unet(PX, 4, 2, first_stride=2), lambda: build_lite_unet(PX, 8)], ids=["unet", "lite"]
)


@FLAT
def test_the_folded_network_gives_the_same(build):
    keras.utils.set_random_seed(0)
    model = shaken(build())
    folded = fold_norms(model)
    images = np.random.default_rng(1).uniform(0, 255, (3, PX, PX, 1)).astype(np.float32)
    before, after = (one(images, training=False).numpy() for one in (model, folded))
    np.testing.assert_allclose(after, before, atol=2e-5)
    assert np.ptp(before) > 0.05
    assert folded.input.name == "image"
    assert folded.layers[-1].name == "mask"


@FLAT
def test_no_norm_is_left(build):
    model = build()
    norms = sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    folded = fold_norms(model)
    assert norms > 0
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    assert len(folded.weights) == len(model.weights) - 3 * norms


def test_a_norm_that_does_not_follow_a_bare_convolution_stays():
    image = keras.Input((PX, PX, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", use_bias=False)(image)
    x = layers.BatchNormalization()(x)
    bare = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)  # goes on in two ways
    x = layers.Add()([bare, layers.BatchNormalization()(bare)])
    model = shaken(keras.Model(image, layers.Activation("sigmoid", name="mask")(x)))
    folded = fold_norms(model)
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in folded.layers) == 2
    images = np.random.default_rng(1).uniform(0, 255, (1, PX, PX, 1)).astype(np.float32)
    np.testing.assert_allclose(folded(images, training=False), model(images, training=False), atol=1e-5)


def test_a_network_with_an_inner_model_stays_as_it_is():
    model = build_encoder_unet("resnet18", PX)
    assert fold_norms(model) is model
