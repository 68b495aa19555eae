"""A classifier in, what follows its feature map out: a head that maps have a closed form for, or any head's logits."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import KerasTensor, layers

from cxr.classification.networks.pooling import GlobalLogSumExpPooling2D, PcamDense
from cxr.config.errors import UserError

POOLINGS = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, GlobalLogSumExpPooling2D)
"""Of each channel by itself, with gradients that sum to 1."""
DROPPING = (layers.Dropout, layers.SpatialDropout2D)
PROBABLE = (keras.activations.sigmoid, keras.activations.softmax)


@dataclass(frozen=True)
class LinearHead:
    """A dense layer on the pooled map. kernel: (C, K) float32; pooling: one of POOLINGS, or PcamDense."""

    kernel: np.ndarray
    pooling: type[layers.Layer]


def features_of(model: keras.Model) -> KerasTensor:
    """Return the feature map (h, w, C) of a network; UserError where none of its own layers is called `features`."""
    layer = next((layer for layer in model.layers if layer.name == "features"), None)
    if layer is None or len(layer.output.shape) != 4:
        raise UserError(f"model {model.name} has no layer 'features' that gives a map (height, width, channels)")
    return layer.output


def linear_head(model: keras.Model) -> LinearHead | None:
    """Return the head of a network that is nothing but a pooling of `features` and a dense layer, else None."""
    last = model.output._keras_history.operation
    if type(last) not in (layers.Dense, PcamDense):
        return None
    pooling = last if isinstance(last, PcamDense) else _before(last)
    if not isinstance(pooling, (*POOLINGS, PcamDense)) or _before(pooling).name != "features":
        return None
    return LinearHead(keras.ops.convert_to_numpy(last.kernel), type(pooling))


def need_linear_head(model: keras.Model, method: str) -> LinearHead:
    """Return its `linear_head`; UserError, which names the method, where the network has another."""
    features_of(model)
    head = linear_head(model)
    if head is None:
        kinds = ", ".join(kind.__name__ for kind in POOLINGS)
        raise UserError(
            f"heatmaps.method: \"{method}\" is exact only where the layer 'features' is pooled by one of {kinds} or "
            f"PcamDense and a dense layer follows; model {model.name} ends otherwise"
        )
    return head


def with_logits(model: keras.Model) -> keras.Model:
    """Return a network with outputs [probabilities (K), logits (K), features (h, w, C)].

    Raises UserError for a network that does not end in a sigmoid, a softmax or no activation at all.
    """
    features, last = features_of(model), model.output._keras_history.operation
    activation = getattr(last, "activation", None)
    if isinstance(last, layers.Activation | layers.Softmax) and (activation in PROBABLE or activation is None):
        logits = last.input
    elif activation in PROBABLE:
        plain = type(last).from_config(last.get_config() | {"activation": "linear", "name": f"{last.name}_logits"})
        logits = plain(last.input)
        plain.set_weights(last.get_weights())
    elif activation in (None, keras.activations.linear):
        logits = model.output
    else:
        raise UserError(
            f"model {model.name}: its last layer, '{last.name}', is no sigmoid, softmax or linear; heatmaps by "
            "gradient need the logits before them"
        )
    return keras.Model(model.input, [model.output, logits, features], name=f"{model.name}_with_logits")


def _before(layer: layers.Layer) -> layers.Layer:
    """The layer whose output this one takes, past dropout, which does nothing but while training."""
    while True:
        layer = layer.input._keras_history.operation
        if not isinstance(layer, DROPPING):
            return layer
