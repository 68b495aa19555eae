"""Network names in, their builders out. To add a network: one file here, one line below, one entry in PARAMS.json."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

NETWORKS = {
    "tiny": "tiny",
    "densenet121": "densenet",
    "densenet169": "densenet",
    "resnet50": "resnet50",
    "inception_v3": "inception_v3",
    "xception": "xception",
    "efficientnet_b0": "efficientnet",
    "efficientnet_v2_b0": "efficientnet",
}
"""Network name -> module of this folder that holds a function of that name."""


def backbone_of(network: str) -> Callable[..., Any]:
    """Return the builder of a registered network; its module, and with it Keras, is imported only now.

    A builder takes (rgb, normalization, weights): an RGB tensor (H, W, 3) 0..255, the name of a normalisation, and
    "imagenet" or None; it returns the feature map (h, w, C), every layer of it reaching back to `rgb`.
    """
    return getattr(import_module(f"cxr.classification.networks.{NETWORKS[network]}"), network)
