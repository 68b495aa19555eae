"""EfficientNetV2 (Tan & Le, ICML 2021), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def efficientnet_v2_b0(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet_v2("EfficientNetV2B0", rgb, normalization, weights)


def efficientnet_v2_b1(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet_v2("EfficientNetV2B1", rgb, normalization, weights)


def efficientnet_v2_b2(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1408)."""
    return _efficientnet_v2("EfficientNetV2B2", rgb, normalization, weights)


def efficientnet_v2_b3(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1536)."""
    return _efficientnet_v2("EfficientNetV2B3", rgb, normalization, weights)


def efficientnet_v2_s(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet_v2("EfficientNetV2S", rgb, normalization, weights)


def efficientnet_v2_m(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet_v2("EfficientNetV2M", rgb, normalization, weights)


def _efficientnet_v2(name: str, rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return Keras' graph with its own normalisation for ImageNet weights, else with ours.

    They are the same for B0 to B3; for S and M Keras divides by 128 where minus_one_to_one divides by 127.5.
    """
    own = weights == "imagenet"
    return feature_map(name, rgb, None if own else normalization, weights, include_preprocessing=own)
