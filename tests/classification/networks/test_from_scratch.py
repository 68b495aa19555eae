import keras
import numpy as np
import pytest
from keras import layers

from cxr.classification.networks.from_scratch import ready_from_scratch
from cxr.classification.networks.registry import NETWORKS

IDENTITY_BLOCKS = {"tiny": 0, "densenet169": 0, "inception_v3": 0, "xception": 8, "efficientnet_b0": 9}
"""Blocks with an identity shortcut in each network's publication."""


@pytest.mark.parametrize("network", NETWORKS)
def test_blocks_with_an_identity_shortcut_begin_as_that_identity(network, built, smallest_px):
    model = built(network)
    sums = [layer for layer in model.layers if isinstance(layer, layers.Add)]
    size = smallest_px(network)
    images = np.random.default_rng(0).uniform(0, 255, (1, size, size, 1)).astype(np.float32)
    identities = 0
    for layer in sums:
        parts = keras.Model(model.input, [*layer.input, layer.output])(images, training=False)
        first, second, total = (keras.ops.convert_to_numpy(part) for part in parts)
        if not first.any() or not second.any():
            identities += 1
            np.testing.assert_array_equal(total, first + second)
            assert total.any()
    assert identities == IDENTITY_BLOCKS[network]


def test_a_shortcut_that_is_a_convolution_keeps_both_branches():
    image = keras.Input((8, 8, 2))
    branch = layers.BatchNormalization(name="branch")(layers.Conv2D(4, 3, padding="same")(image))
    shortcut = layers.BatchNormalization(name="shortcut")(layers.Conv2D(4, 1)(image))
    model = keras.Model(image, layers.Add()([branch, shortcut]))
    ready_from_scratch(model)
    for name in ("branch", "shortcut"):
        np.testing.assert_array_equal(model.get_layer(name).gamma, np.ones(4))
        assert model.get_layer(name).momentum == 0.9


def test_the_branch_is_found_behind_its_dropout_in_either_order():
    image = keras.Input((8, 8, 4))
    start = layers.Activation("relu")(image)
    branch = layers.BatchNormalization(name="last")(layers.Conv2D(4, 3, padding="same")(start))
    x = layers.Add()([layers.Dropout(0.2)(branch), start])
    model = keras.Model(image, layers.BatchNormalization(name="after")(x))
    ready_from_scratch(model)
    np.testing.assert_array_equal(model.get_layer("last").gamma, np.zeros(4))
    np.testing.assert_array_equal(model.get_layer("after").gamma, np.ones(4))
