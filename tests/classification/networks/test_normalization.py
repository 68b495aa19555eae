import keras
import numpy as np
import pytest

from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
HOW = {
    "imagenet": lambda x: (x / 255 - MEAN) / STD,
    "minus_one_to_one": lambda x: x / 127.5 - 1,
    "zero_to_one": lambda x: x / 255,
    "per_image": lambda x: (x - x.mean(axis=(1, 2, 3), keepdims=True)) / x.std(axis=(1, 2, 3), keepdims=True),
}


@pytest.fixture
def images():
    """(3, 64, 64, 1) grey: the whole range, a dull one, a bright one."""
    random = np.random.default_rng(5)
    grey = random.integers(0, 256, (3, 64, 64, 1)).astype(np.float32)
    grey[1] = 100 + grey[1] / 20
    grey[2] = 255 - grey[2] / 3
    return grey


def first_convolution_sees(model, images):
    """(N, H, W, 3): what enters the first layer that has a kernel, before any padding."""
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    while isinstance(layer.input._keras_history.operation, keras.layers.ZeroPadding2D):
        layer = layer.input._keras_history.operation
    return keras.ops.convert_to_numpy(keras.Model(model.input, layer.input)(images))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("network", ["tiny", "efficientnet_b0"])
def test_the_first_convolution_sees_the_normalisation_asked_for(network, how, images):
    model = build_classifier(Member(network=network, image_px=64, normalization=how), 2)
    rgb = np.repeat(images, 3, axis=-1).astype(np.float64)
    np.testing.assert_allclose(first_convolution_sees(model, images), HOW[how](rgb), atol=2e-3)


def test_a_flat_image_is_not_divided_by_zero():
    model = build_classifier(Member(network="tiny", image_px=64, normalization="per_image"), 2)
    found = first_convolution_sees(model, np.full((1, 64, 64, 1), 80, np.float32))
    np.testing.assert_allclose(found, 0, atol=0.01)
