"""Network names in, their builders out. To add a network: one file here, one line below, one entry in PARAMS.json."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from cxr.config.network import Network

NETWORKS = {
    "tiny": Network("tiny"),
    "densenet121": Network("densenet", imagenet="imagenet", least_px=32),
    "densenet169": Network("densenet", imagenet="imagenet", least_px=32),
    "densenet201": Network("densenet", imagenet="imagenet", least_px=32),
    "inception_v3": Network("inception_v3", imagenet="minus_one_to_one", least_px=75),
    "xception": Network("xception", imagenet="minus_one_to_one", least_px=71),
    "attention_xception": Network("attention_xception", imagenet="minus_one_to_one", least_px=71),
    "resnet_v2_56": Network("resnet_v2_56"),
    "resnet50": Network("resnet50", least_px=32),
    "resnet50_v2": Network("resnet_v2", imagenet="minus_one_to_one", least_px=32),
    "resnet101_v2": Network("resnet_v2", imagenet="minus_one_to_one", least_px=32),
    "efficientnet_b0": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b1": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b2": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b3": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b4": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b5": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b6": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_b7": Network("efficientnet", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_v2_b0": Network("efficientnet_v2", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_v2_b1": Network("efficientnet_v2", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_v2_b2": Network("efficientnet_v2", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_v2_b3": Network("efficientnet_v2", imagenet="imagenet", least_px=32, own_normalization=True),
    "efficientnet_v2_s": Network("efficientnet_v2", imagenet="minus_one_to_one", least_px=32, own_normalization=True),
    "efficientnet_v2_m": Network("efficientnet_v2", imagenet="minus_one_to_one", least_px=32, own_normalization=True),
    "convnext_tiny": Network("convnext", imagenet="imagenet", least_px=32),
    "mobilenet": Network("mobilenet", imagenet="minus_one_to_one", least_px=32),
    "mobilenet_v3_small": Network("mobilenet_v3", imagenet="minus_one_to_one", least_px=32),
    "mobilenet_v3_large": Network("mobilenet_v3", imagenet="minus_one_to_one", least_px=32),
}
"""Network name -> the module of this folder that builds it, and what is known of the network. The module holds a
function of that name; or one of its own name for all sizes, which is told the size: `efficientnet_b0` is built by
`efficientnet(..., size="b0")`. The first name of a module stands for its family in the test suite."""


def backbone_of(network: str) -> Callable[..., Any]:
    """Return the builder of a registered network; its module, and with it Keras, is imported only now.

    A builder takes (rgb, normalization, weights): an RGB tensor (H, W, 3) 0..255, the name of a normalisation, and
    "imagenet" or None; it returns the feature map (h, w, C), every layer of it reaching back to `rgb`.
    """
    name = NETWORKS[network].module
    module = import_module(f"cxr.classification.networks.{name}")
    if hasattr(module, network):
        return getattr(module, network)
    return partial(getattr(module, name), size=network.removeprefix(f"{name}_"))
