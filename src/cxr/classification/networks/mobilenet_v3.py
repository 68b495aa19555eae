"""MobileNetV3 (Howard et al., ICCV 2019), from keras.applications."""

import warnings

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def mobilenet_v3_small(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 576)."""
    return _mobilenet_v3("MobileNetV3Small", rgb, normalization, weights)


def mobilenet_v3_large(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 960)."""
    return _mobilenet_v3("MobileNetV3Large", rgb, normalization, weights)


def _mobilenet_v3(name: str, rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    with warnings.catch_warnings():  # Keras' weights, of 224 px, serve images of any size
        warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square", UserWarning)
        return feature_map(name, rgb, normalization, weights, include_preprocessing=False)
