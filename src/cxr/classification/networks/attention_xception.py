"""Xception with two blocks of attention (CBAM; Woo et al., ECCV 2018): the reference system attention_xception.

At first attention halves what it lets through, of channels as of places, so weights of ImageNet need some steps to find
back to the scale they know.
"""

from typing import Any

import keras
from keras import KerasTensor

from cxr.classification.networks.attention import block_attention
from cxr.classification.networks.xception import xception

AFTER = {"block4_pool": "block4", "block13_pool": "block13"}
"""Last layer of a block before its shortcut is added -> name of the attention after that sum."""

RATIO, WINDOW = 8, 7
"""Of the reduction of channels, and of the convolution over places."""


def attention_xception(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2048).

    Where it attends: layers `block4_spatial_attention` (h/16, w/16, 1) and `block13_spatial_attention` (h/32, w/32, 1).
    """
    plain = keras.Model(keras.utils.get_source_inputs(rgb), xception(rgb, normalization, weights))
    attended = keras.models.clone_model(plain, input_tensors=plain.input, call_function=_call)
    for layer in plain.layers:
        attended.get_layer(layer.name).set_weights(layer.get_weights())
    return attended.output


def _call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> KerasTensor:
    """Call a copied layer; where it closes a block, attend to its output."""
    output = layer(*inputs, **options)
    for tensor in inputs[0] if isinstance(inputs[0], list) else []:
        if name := AFTER.get(tensor._keras_history.operation.name):
            return block_attention(output, RATIO, WINDOW, name)
    return output
