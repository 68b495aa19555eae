"""A classifier in, a network that also gives the Grad-CAM maps of all findings out, at the price of one forward pass.

With global average pooling and a dense head, the gradient of a finding's logit is the same at every place of the
feature map, so Grad-CAM (Selvaraju et al., ICCV 2017, eq. 1-2) is relu(features @ kernel[:, finding]) up to the
constant 1 / (h w), which normalising each map by its maximum removes.
"""

import keras
import numpy as np
from keras import layers

from cxr.config.errors import UserError


def with_maps(model: keras.Model) -> keras.Model:
    """Return a network with outputs [findings (N, K), maps (N, h, w, K) before the ReLU].

    Raises UserError for a model without the layers `features`, `pooling` (global average) and `findings` (dense).
    """
    kinds = {"features": layers.Layer, "pooling": layers.GlobalAveragePooling2D, "findings": layers.Dense}
    found = {layer.name: layer for layer in model.layers}
    for name, kind in kinds.items():
        if not isinstance(found.get(name), kind):
            raise UserError(
                f"model {model.name} has no layer {name!r} of type {kind.__name__}: no exact Grad-CAM for it"
            )
    kernel = keras.ops.convert_to_numpy(found["findings"].kernel)
    project = layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="maps")
    maps = project(found["features"].output)
    project.set_weights([kernel[None, None]])
    return keras.Model(model.input, [model.output, maps], name=f"{model.name}_with_maps")


def normalize_maps(maps: np.ndarray) -> np.ndarray:
    """Return (..., h, w, K) maps after ReLU, each divided by its maximum; a map without any positive value stays 0."""
    positive = np.maximum(maps, 0)
    highest = positive.max(axis=(-3, -2), keepdims=True)
    return np.divide(positive, highest, out=np.zeros_like(positive), where=highest > 0)
