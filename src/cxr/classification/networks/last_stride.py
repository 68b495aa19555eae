"""A network in, the same network with its last halving of the feature map left out: twice as fine a map.

Known as "last stride = 1" (Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification", CVPR
Workshops 2019, section 3.5). Weights keep their shapes, so pretrained ones still fit.
"""

import keras
from keras import layers

WINDOWS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.MaxPooling2D, layers.AveragePooling2D)
"""Layers that slide a window, and may shrink the map."""


def without_last_stride(model: keras.Model) -> keras.Model:
    """Return a copy of `model`, with its weights, whose layers that last shrank the map `features` keep its size.

    These are the convolutions and poolings with a stride whose output is as wide as `features`; a zero padding before
    one of them goes as well.
    """
    last = {layer.name for layer in model.layers if _shrinks_to(layer, model.get_layer("features").output.shape[1:3])}
    padding = {_before(layer).name for layer in model.layers if layer.name in last}

    def copy(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if layer.name in last:
            config |= {"strides": 1, "padding": "same"}
        elif layer.name in padding and isinstance(layer, layers.ZeroPadding2D):
            config |= {"padding": 0}
        return layer.__class__.from_config(config)

    finer = keras.models.clone_model(model, clone_function=copy)
    for layer in finer.layers:  # by name: a copy may list parallel branches in another order
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return finer


def _shrinks_to(layer: layers.Layer, size: tuple[int, int]) -> bool:
    return isinstance(layer, WINDOWS) and max(layer.strides) > 1 and layer.output.shape[1:3] == size


def _before(layer: layers.Layer) -> layers.Layer:
    """The layer whose output this one takes."""
    return layer.input._keras_history.operation
