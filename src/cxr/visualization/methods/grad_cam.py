"""Grad-CAM: a classifier in, maps of all findings out, at the price of one forward pass where the head allows.

Grad-CAM (Selvaraju et al., ICCV 2017, eq. 1-2) weights every channel c of the feature map by the mean over its n places
of the gradient of a finding's logit, and keeps what is positive of the weighted sum. With a dense head of kernel w
(C, K) on the pooled map these weights have a closed form, up to a positive factor, which dividing each map by its
maximum removes:

- Mean, maximum and log-sum-exp pool each channel by itself, and the gradients of a pooled channel with respect to its
  places sum to 1: they are all 1 / n, or one at the hottest place, or a softmax. So the weights are w[c, k] / n, and
  the map is relu(features @ w[:, k]).
- PCAM gives the logit z = sum(q s) of the places' logits s = features @ w[:, k] + b, with q = p / sum(p) and
  p = sigmoid(s). Its gradient at a place is q (1 + (1 - p)(s - z)) w[:, k]: parallel to w everywhere. The mean over the
  places is w[:, k] / n times 1 - sum(q p (s - z)), one minus the covariance of p and s under q. Where few places are
  sure and many are not, that factor is negative, as more of everything would give weight to the unsure ones, and
  Grad-CAM to the letter then shows the places that speak against the finding. The map here is relu(features @ w[:, k])
  all the same: what speaks for it, in the order of p, which is what the authors of PCAM draw.

A sum of logits has the sum of their kernels, for the gradient of a sum is the sum of gradients. Any other head is
asked by gradient.
"""

import keras
import numpy as np
from keras import ops

from cxr.visualization.heat import normalize_maps
from cxr.visualization.methods.gradients import compile_gradients
from cxr.visualization.methods.head import features_of, linear_head, need_linear_head
from cxr.visualization.methods.map_maker import Asked, MapMaker, run_closed
from cxr.visualization.places import places_of


def grad_cam(model: keras.Model, asked: Asked) -> MapMaker:
    """Return the Grad-CAM maps (N, h, w, M) of a network with a layer `features`."""
    features_of(model)
    if linear_head(model):
        run = run_closed(asked.open_engine(with_maps(model, asked.target)), normalize_maps)
        return MapMaker(places_of(model), run)
    by_gradient = compile_gradients(model, asked.target, weigh_channels, "grad_cam")

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, maps = by_gradient(images)
        return probabilities, normalize_maps(maps)

    return MapMaker(places_of(model), run)


def with_maps(model: keras.Model, target: np.ndarray | None = None) -> keras.Model:
    """Return a network with outputs [findings (N, K), maps (N, h, w, M) before the ReLU].

    target: as in `Asked`, every finding by itself when not given. Raises UserError for a model without the layer
    `features`, or with another head than `LinearHead`.
    """
    kernel = need_linear_head(model, "grad_cam").kernel
    kernel = kernel if target is None else kernel @ target
    project = keras.layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="maps")
    maps = project(features_of(model))
    project.set_weights([kernel[None, None]])
    return keras.Model(model.input, [model.output, maps], name=f"{model.name}_with_maps")


def weigh_channels(features: keras.KerasTensor, gradients: keras.KerasTensor) -> keras.KerasTensor:
    """Features and gradients (N, h, w, C) of one finding in, its map (N, h, w) before the ReLU out (eq. 1 and 2)."""
    return ops.sum(features * ops.mean(gradients, axis=(1, 2), keepdims=True), axis=-1)
