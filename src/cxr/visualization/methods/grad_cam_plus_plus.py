"""Grad-CAM++: a classifier in, maps of all findings out, at the price of one forward pass with mean or maximum.

Chattopadhay et al., WACV 2018: a channel's weight is the sum over its places of alpha relu(dS/dA) (eq. 5), with the
score S = exp(Y) of a logit Y and, with g = dY/dA at a place and all derivatives of Y beyond the first 0 (eq. 19),

    alpha = S g^2 / (2 S g^2 + S g^3 sum(A)) = 1 / (2 + g sum(A)),  0 where g is 0,

sum(A) over all n places of the channel. S stands in every weight of a map and goes when the map is divided by its
maximum, so no exponential is ever taken. Under a dense head of kernel w (C, K)

- the mean has g = w / n everywhere: the weight is relu(w) / (2 + w mean(A));
- the maximum has g = w at the hottest place, 0 elsewhere: the weight is relu(w) / (2 + w n mean(A)).

Neither divides by 0 where features are not negative, as behind a ReLU: only channels with w > 0 have a weight; where
they may be, a divisor of 0 is taken for 1, as the authors' code does. (That code also divides the alphas of a channel
by their sum, which the paper does not; it is not done here.) Of other heads Y has more derivatives; they are asked by
gradient, with the first alone, as all implementations do.
"""

import keras
import numpy as np
from keras import layers, ops

from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.gradients import compile_gradients
from cxr.visualization.methods.head import features_of, linear_head
from cxr.visualization.methods.map_maker import Asked, MapMaker, run_closed
from cxr.visualization.places import places_of

CLOSED = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)


def grad_cam_plus_plus(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the Grad-CAM++ maps (N, h, w, M) of a network with a layer `features`."""
    features, head = features_of(model), linear_head(model)
    if head and head.pooling in CLOSED:
        places = 1 if head.pooling is layers.GlobalAveragePooling2D else features.shape[1] * features.shape[2]
        maps = PlusPlusMaps(head.kernel @ asked.target, places, name="maps")(features)
        network = keras.Model(model.input, [model.output, maps], name=f"{model.name}_with_maps")
        return MapMaker(places_of(model), run_closed(asked.open_engine(network), normalize_maps))
    by_gradient = compile_gradients(model, asked.target, weigh_places, "grad_cam_plus_plus")

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, maps = by_gradient(images)
        return probabilities, normalize_maps(maps)

    return MapMaker(places_of(model), run)


class PlusPlusMaps(layers.Layer):
    """The maps in closed form; never saved. kernel: (C, M); places: n under a maximum, 1 under a mean."""

    def __init__(self, kernel: np.ndarray, places: int, name: str) -> None:
        super().__init__(name=name)
        self._kernel, self._places = kernel.astype(np.float32), places

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """(N, h, w, C) in, (N, h, w, M) before the ReLU out."""
        height, width, channels = features.shape[1:]
        means = ops.mean(features, axis=(1, 2))[..., None]
        divisor = 2 + self._kernel * self._places * means
        weights = np.maximum(self._kernel, 0) / ops.where(ops.equal(divisor, 0), ops.ones_like(divisor), divisor)
        maps = ops.matmul(ops.reshape(features, (-1, height * width, channels)), weights)
        return ops.reshape(maps, (-1, height, width, self._kernel.shape[1]))


def weigh_places(features: keras.KerasTensor, gradients: keras.KerasTensor) -> keras.KerasTensor:
    """Features and gradients (N, h, w, C) of one finding's logit in, its map (N, h, w) before the ReLU out."""
    divisor = 2 + gradients * ops.sum(features, axis=(1, 2), keepdims=True)
    divisor = ops.where(ops.equal(divisor, 0), ops.ones_like(divisor), divisor)
    weights = ops.sum(ops.relu(gradients) / divisor, axis=(1, 2), keepdims=True)
    return ops.sum(features * weights, axis=-1)
