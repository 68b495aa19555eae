"""EfficientNet-Lite0 with the weights of ImageNet, judged by what it sees in photographs."""

import cv2
import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_sample_image

from cxr.config.errors import UserError
from cxr.segmentation.lite import STAGES, build_lite_unet, imagenet_weights, lite_features, set_lite_weights

PX = 224
# classes of ImageNet
PALACE, DAISY = 698, 985


@pytest.fixture(scope="module")
def weights():
    return imagenet_weights()


@pytest.fixture(scope="module")
def classifier(weights):
    """The whole network, from colours to the 1,000 classes."""
    image = keras.Input((PX, PX, 3))
    x, _ = lite_features(layers.Rescaling(1 / 128, offset=-127 / 128)(image), len(STAGES))
    x = layers.Conv2D(1280, 1, use_bias=False, name="conv_head")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=1e-3, name="bn1")(x))
    x = layers.Dense(1000, activation="softmax", name="fc")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    set_lite_weights(model, weights)
    model.get_layer("fc").set_weights([weights["_fc.weight"].T, weights["_fc.bias"]])
    return model


@pytest.mark.parametrize(("name", "shown"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_it_knows_photographs(classifier, name, shown):
    photograph = load_sample_image(name)
    side = min(photograph.shape[:2])
    top, left = ((length - side) // 2 for length in photograph.shape[:2])
    square = cv2.resize(photograph[top : top + side, left : left + side], (PX, PX), interpolation=cv2.INTER_AREA)
    assert classifier(square[None].astype(np.float32), training=False).numpy()[0].argmax() == shown


def test_a_grey_image_is_what_it_is_in_three_equal_colours(weights):
    grey = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 1)).astype(np.float32)
    found = []
    for image in (grey, np.repeat(grey, 3, axis=-1)):
        scaled = keras.Input(image.shape[1:])
        features = keras.Model(scaled, lite_features(layers.Rescaling(1 / 128, offset=-127 / 128)(scaled), 5)[0])
        set_lite_weights(features, weights)
        found.append(features(image, training=False).numpy())
    np.testing.assert_allclose(*found, atol=1e-4)
    assert np.ptp(found[0]) > 1


def test_the_unet_returns_a_mask_of_its_input_and_begins_with_the_weights(weights):
    model = build_lite_unet(64, width=8, width_max=24, pretrained=True)
    image = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    mask = model(image, training=False).numpy()
    assert mask.shape == image.shape
    assert (mask >= 0).all() and (mask <= 1).all()
    kernel = model.get_layer("blocks4_expand_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel[0, 0], weights["_blocks.4._expand_conv.weight"][..., 0, 0].T)
    assert [model.get_layer(f"up{level}b_conv").filters for level in range(3)] == [8, 16, 24]
    other = build_lite_unet(64, width=8, width_max=24).get_layer("blocks4_expand_conv").get_weights()[0]
    assert np.abs(other - kernel).mean() > 0.01


def test_without_the_package_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr("cxr.segmentation.lite.PACKAGE", "no_such_package")
    with pytest.raises(UserError, match=r"needs the package no-such-package; install requirements\.txt, or use null"):
        build_lite_unet(64, width=8, pretrained=True)
