"""CBAM against its two equations in numpy."""

import keras
import numpy as np
from scipy.signal import correlate2d
from scipy.special import expit

from cxr.classification.networks.attention import block_attention


def test_block_attention_is_channel_then_spatial_attention():
    random = np.random.default_rng(4)
    features = random.normal(size=(6, 7, 16))
    tensor = keras.Input((6, 7, 16))
    model = keras.Model(tensor, block_attention(tensor, ratio=8, window=7, name="cbam"))
    model.set_weights([random.normal(0, 0.5, w.shape) for w in model.get_weights()])
    weights = {layer.name: layer.get_weights() for layer in model.layers}

    def perceptron(x):
        (first, first_bias), (second, second_bias) = weights["cbam_channel_reduce"], weights["cbam_channel_expand"]
        assert first.shape == (16, 2)
        return np.maximum(x @ first + first_bias, 0) @ second + second_bias

    of_channels = expit(perceptron(features.mean(axis=(0, 1))) + perceptron(features.max(axis=(0, 1))))
    by_channel = features * of_channels
    (kernel,) = weights["cbam_spatial_attention"]
    assert kernel.shape == (7, 7, 2, 1)
    both = by_channel.mean(axis=-1), by_channel.max(axis=-1)
    of_places = expit(sum(correlate2d(x, kernel[..., i, 0], mode="same") for i, x in enumerate(both)))[..., None]

    names = ("cbam_channel_attention", "cbam_spatial_attention")
    outputs = [*(model.get_layer(name).output for name in names), model.output]
    channels, places, found = keras.Model(tensor, outputs)(features[None].astype(np.float32))
    np.testing.assert_allclose(channels[0, 0, 0], of_channels, atol=1e-5)
    np.testing.assert_allclose(places[0], of_places, atol=1e-5)
    np.testing.assert_allclose(found[0], by_channel * of_places, atol=1e-5)
