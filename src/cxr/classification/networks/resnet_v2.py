"""ResNet with pre-activation (He et al., ECCV 2016), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def resnet50_v2(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2048)."""
    return feature_map("ResNet50V2", rgb, normalization, weights)


def resnet101_v2(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2048)."""
    return feature_map("ResNet101V2", rgb, normalization, weights)
