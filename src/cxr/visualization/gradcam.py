"""A classifier in, a network that also gives the Grad-CAM maps of all findings out, at the price of one forward pass.

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
"""

import keras
from keras import layers

from cxr.classification.networks.pooling import GlobalLogSumExpPooling2D, PcamDense
from cxr.config.errors import UserError

POOLINGS = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, GlobalLogSumExpPooling2D)
"""Of each channel by itself, with gradients that sum to 1."""


def with_maps(model: keras.Model) -> keras.Model:
    """Return a network with outputs [findings (N, K), maps (N, h, w, K) before the ReLU].

    Raises UserError for a model without the layers `features`, `pooling` (one of POOLINGS) and `findings` (dense); PCAM
    has no `pooling`.
    """
    found = {layer.name: layer for layer in model.layers}
    kinds = {"features": (layers.Layer,), "pooling": POOLINGS, "findings": (layers.Dense,)}
    if isinstance(found.get("findings"), PcamDense):
        del kinds["pooling"]
    for name, allowed in kinds.items():
        if not isinstance(found.get(name), allowed):
            types = " or ".join(kind.__name__ for kind in allowed)
            raise UserError(f"model {model.name} has no layer {name!r} of type {types}: no exact Grad-CAM for it")
    kernel = keras.ops.convert_to_numpy(found["findings"].kernel)
    project = layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="maps")
    maps = project(found["features"].output)
    project.set_weights([kernel[None, None]])
    return keras.Model(model.input, [model.output, maps], name=f"{model.name}_with_maps")
