"""A network in, where in its image each place of its feature map looks out: maps are drawn there and nowhere else.

Stretching a map over the image is off by up to half a place with strided layers, which pad more on one side than on the
other. The arithmetic is that of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
Distill 2019 (eq. 3 and 4).
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from cxr.classification.networks.last_stride import WINDOWS
from cxr.images.geometry import draw_map


@dataclass(frozen=True)
class Places:
    """Middle of the receptive field of the first place of a map and the distance to the next, in image widths."""

    first: float
    step: float

    def draw(self, map_: np.ndarray, image_px: int) -> np.ndarray:
        """Draw an (h, w) map over its square image: (image_px, image_px) float32 within the map's own range."""
        return draw_map(map_, self.first, self.step, image_px)


def pixels_of(model: keras.Model) -> Places:
    """Return where the places of a map lie that is as fine as the square input of a network."""
    size = model.input_shape[1]
    return Places(0.5 / size, 1 / size)


def places_of(model: keras.Model, name: str = "features") -> Places:
    """Return where the places of the layer `name` lie in the square input of a network that is one flat graph."""
    size = model.input_shape[1]
    known = {model.input.name: (0.5, 1.0)}  # tensor -> middle of its first place, distance to the next; in pixels
    for layer in model.operations:  # layers, and plain arithmetic between them
        if isinstance(layer, layers.InputLayer):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        widest = max(inputs, key=lambda one: one.shape[1] if len(one.shape) == 4 else 0)  # not a gate of one value
        known[layer.output.name] = _step_through(layer, widest.shape[1], *known[widest.name])
        if layer.name == name:
            break
    first, step = known[model.get_layer(name).output.name]
    return Places(first / size, step / size)


def _step_through(layer: layers.Layer, width: int, first: float, step: float) -> tuple[float, float]:
    if isinstance(layer, layers.ZeroPadding2D):
        return first - layer.padding[1][0] * step, step
    if not isinstance(layer, WINDOWS):
        return first, step
    window = layer.pool_size[1] if hasattr(layer, "pool_size") else layer.kernel_size[1]
    reach = (window - 1) * getattr(layer, "dilation_rate", (1, 1))[1]
    stride = layer.strides[1]
    needed = (-(-width // stride) - 1) * stride + reach + 1 - width  # TensorFlow's "same"
    before = max(needed, 0) // 2 if layer.padding == "same" else 0
    return first + (reach / 2 - before) * step, step * stride
