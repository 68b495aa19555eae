"""EfficientNet (Tan & Le, ICML 2019), from keras.applications."""

from keras import KerasTensor, layers

from cxr.classification.networks.applications import feature_map
from cxr.classification.networks.normalization import normalize


def efficientnet_b0(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet("EfficientNetB0", rgb, normalization, weights)


def efficientnet_b1(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1280)."""
    return _efficientnet("EfficientNetB1", rgb, normalization, weights)


def efficientnet_b2(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1408)."""
    return _efficientnet("EfficientNetB2", rgb, normalization, weights)


def efficientnet_b3(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1536)."""
    return _efficientnet("EfficientNetB3", rgb, normalization, weights)


def efficientnet_b4(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1792)."""
    return _efficientnet("EfficientNetB4", rgb, normalization, weights)


def efficientnet_b5(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2048)."""
    return _efficientnet("EfficientNetB5", rgb, normalization, weights)


def efficientnet_b6(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2304)."""
    return _efficientnet("EfficientNetB6", rgb, normalization, weights)


def efficientnet_b7(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 2560)."""
    return _efficientnet("EfficientNetB7", rgb, normalization, weights)


def _efficientnet(name: str, rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Keras' graph divides by 255 and, with ImageNet weights, normalises by itself: then it gets the raw image.

    Without, its division is undone, so that it learns on the normalisation asked for.
    """
    x = rgb if weights == "imagenet" else layers.Rescaling(255.0, name="undo")(normalize(rgb, normalization))
    return feature_map(name, x, None, weights)
