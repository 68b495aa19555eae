"""Xception (Chollet, CVPR 2017), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def xception(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2048)."""
    return feature_map("Xception", rgb, normalization, weights)
