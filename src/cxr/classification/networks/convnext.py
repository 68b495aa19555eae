"""ConvNeXt (Liu et al., CVPR 2022), as a flat graph that the ImageNet weights of keras.applications fit.

Keras' own graph nests models and groups its 7x7 convolutions, which TensorFlow trains on CPUs only by way of XLA; here
they are the depthwise convolutions that they are, and the scale at the end of a branch is one of window 1.
"""

from collections.abc import Iterator

import keras
import numpy as np
from keras import KerasTensor, layers

from cxr.classification.networks.normalization import normalize

TINY = ((3, 96), (3, 192), (9, 384), (3, 768))
"""Blocks and channels of each stage."""

LAYER_SCALE = 1e-6
"""What a branch is multiplied by at first (Touvron et al., ICCV 2021)."""


def convnext_tiny(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 768)."""
    features = _convnext(normalize(rgb, normalization), TINY, "convnext_tiny")
    if weights is not None:
        ours = keras.Model(keras.utils.get_source_inputs(rgb), features)
        _take_over(ours, keras.applications.ConvNeXtTiny(include_top=False, weights=weights))
    return features


def _convnext(x: KerasTensor, stages: tuple[tuple[int, int], ...], name: str) -> KerasTensor:
    """Return the normalised map of the last stage; layers are named as Keras names them."""
    for stage, (blocks, channels) in enumerate(stages):
        if stage == 0:
            x = layers.Conv2D(channels, 4, strides=4, name=f"{name}_stem_conv")(x)
            x = _norm(f"{name}_stem_layernorm")(x)
        else:
            x = _norm(f"{name}_downsampling_layernorm_{stage - 1}")(x)
            x = layers.Conv2D(channels, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}")(x)
        for block in range(blocks):
            x = _block(x, channels, f"{name}_stage_{stage}_block_{block}")
    return _norm("layer_normalization")(x)


def _block(x: KerasTensor, channels: int, name: str) -> KerasTensor:
    branch = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise_conv")(x)
    branch = _norm(f"{name}_layernorm")(branch)
    branch = layers.Dense(4 * channels, "gelu", name=f"{name}_pointwise_conv_1")(branch)
    branch = layers.Dense(channels, name=f"{name}_pointwise_conv_2")(branch)
    scale = keras.initializers.Constant(LAYER_SCALE)
    branch = layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer=scale, name=f"{name}_layer_scale")(branch)
    return layers.Add(name=f"{name}_add")([x, branch])


def _norm(name: str) -> layers.LayerNormalization:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _take_over(ours: keras.Model, theirs: keras.Model) -> None:
    """Set our weights to those of Keras' graph, wherever it nests them; kernels of groups become depthwise ones."""
    known = {layer.name: layer.get_weights() for layer in _unnested(theirs)}
    last = theirs.layers[-1].name  # Keras numbers it by session
    for layer in ours.layers:
        weights = known.get(last if layer.name == "layer_normalization" else layer.name, [])
        layer.set_weights([np.reshape(new, old.shape) for new, old in zip(weights, layer.get_weights(), strict=True)])


def _unnested(model: keras.Model) -> Iterator[layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _unnested(layer)
        else:
            yield layer
