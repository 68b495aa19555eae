"""InceptionV3 (Szegedy et al., CVPR 2016), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def inception_v3(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (about h/32 - 2, w/32 - 2, 2048)."""
    return feature_map("InceptionV3", rgb, normalization, weights)
