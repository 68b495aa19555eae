"""DenseNet (Huang et al., CVPR 2017), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def densenet121(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1024)."""
    return feature_map("DenseNet121", rgb, normalization, weights)


def densenet169(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1664)."""
    return feature_map("DenseNet169", rgb, normalization, weights)


def densenet201(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1920)."""
    return feature_map("DenseNet201", rgb, normalization, weights)
