"""Small networks of several kinds for every method, and oracles that ask a GradientTape for one row and finding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cxr.classification.networks.attention import block_attention
from cxr.classification.networks.classifier import build_classifier
from cxr.config.member import Member
from cxr.engines.keras_engine import KerasEngine
from cxr.visualization.methods.map_maker import Asked
from cxr.visualization.methods.registry import METHODS

FINDINGS, SIZE = 3, 32


def dense_blocks(x):
    """As in DenseNet: what comes is normalised, convolved and laid beside itself."""
    for _ in range(2):
        new = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.Conv2D(6, 3, padding="same", use_bias=False)(new)])
    x = layers.AveragePooling2D(4)(layers.Conv2D(12, 1)(x))
    return layers.Activation("relu")(layers.BatchNormalization()(x))


def attended_blocks(x):
    """As in Xception with attention: separable convolutions, a shortcut, and weights of channels and places."""
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    new = layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same")(x))
    x = block_attention(layers.Add()([x, new]), 2, 3, "block")
    return layers.MaxPooling2D(3, strides=2, padding="same")(layers.ReLU()(layers.SeparableConv2D(16, 3)(x)))


def swish_blocks(x):
    """As in EfficientNet: no ReLU."""
    x = layers.Conv2D(8, 3, strides=4, padding="same", activation="swish")(x)
    return layers.Activation("swish")(layers.DepthwiseConv2D(3)(x))


def build(kind, pooling="avg"):
    """A classifier of a registered network, or of a stand-in: `dense`, `attended`, `swish`; its weights moved."""
    keras.utils.set_random_seed(8)
    blocks = {"dense": dense_blocks, "attended": attended_blocks, "swish": swish_blocks}.get(kind)
    if blocks is None:
        model = build_classifier(
            Member(network=kind, image_px=SIZE if kind == "tiny" else 96, pooling=pooling), FINDINGS
        )
    else:
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = layers.Activation("linear", name="features")(blocks(layers.Rescaling(1 / 99, -1)(image)))
        x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D(name="pooling")(x))
        model = keras.Model(image, layers.Dense(FINDINGS, activation="sigmoid", name="findings")(x), name=kind)
    random = np.random.default_rng(8)
    moved = [w + random.uniform(-0.1, 0.1, w.shape).astype(w.dtype) * (w.ndim == 1) for w in model.get_weights()]
    model.set_weights(moved)
    if model.count_params() > 1e6:
        take_statistics(model)
        forget_what_is_common(model)
    return model


def take_statistics(model):
    """Give batch norms the statistics of the images: with those they are built with, any place at the map is alike."""
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    model(make_images(model.input_shape[1]), training=True)


def forget_what_is_common(model):
    """Make the head blind to what all places share: in an untrained large network nearly all, and any maps agree."""
    features = keras.Model(model.input, model.get_layer("features").output)
    common = features(make_images(model.input_shape[1], 2), training=False).numpy().mean(axis=(0, 1, 2))
    kernel, bias = model.get_layer("findings").get_weights()
    model.get_layer("findings").set_weights([kernel - np.outer(common, common @ kernel) / (common @ common), bias])


def make_images(size, count=3):
    images = np.random.default_rng(6).uniform(0, 255, (count, size, size, 1)).astype(np.float32)
    images[0, : size // 2] = 0
    images[1, :, : size // 2] = 255
    return images


def pytest_generate_tests(metafunc):
    """What takes `kind` is asked of three stand-ins, with --all of three registered networks as well."""
    if "kind" in metafunc.fixturenames:
        large = ["densenet121", "efficientnet_b0", "xception"] if metafunc.config.getoption("--all") else []
        metafunc.parametrize("kind", ["tiny", "dense", "attended", *large], scope="module")


@pytest.fixture(scope="module")
def network(kind):
    """A network and its images; nobody may change it."""
    model = build(kind)
    return model, make_images(model.input_shape[1], 2 if model.count_params() > 1e6 else 3)


@pytest.fixture(scope="session")
def build_network():
    return build


@pytest.fixture(scope="session")
def images_of():
    return make_images


@pytest.fixture(scope="session")
def explain():
    """A function: method, network, images -> probabilities and maps for every finding, or for other targets."""

    def run(method, model, images, target=None, seed=0):
        target = np.eye(model.output_shape[-1], dtype=np.float32) if target is None else target
        return METHODS[method](model, Asked(target, KerasEngine, seed)).run(images)

    return run


@pytest.fixture(scope="session")
def gradient_of():
    """A function: network, one image (1, S, S, 1), target (K,) -> features and gradients of the logits' sum by them.

    The logits are those of the probabilities, log p - log(1 - p). of_image: only the gradients by the image instead.
    """

    def run(model, image, target, of_image=False):
        both = keras.Model(model.input, [model.get_layer("features").output, model.output])
        image = tf.constant(image)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(image)
            features, p = both(image, training=False)
            score = tf.reduce_sum((tf.math.log(p) - tf.math.log1p(-p)) * target)
        if of_image:
            return tape.gradient(score, image).numpy()[0]
        return features.numpy()[0], tape.gradient(score, features).numpy()[0]

    return run
