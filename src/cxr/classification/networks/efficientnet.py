"""EfficientNet (Tan & Le, ICML 2019), from keras.applications."""

from keras import KerasTensor, layers

from cxr.classification.networks.applications import feature_map
from cxr.classification.networks.normalization import normalize


def efficientnet(rgb: KerasTensor, normalization: str, weights: str | None, size: str) -> KerasTensor:
    """Return the feature map (h/32, w/32, C) of size "b0" (C = 1280) to "b7" (2560).

    Keras' graph divides by 255 and, with ImageNet weights, normalises by itself: then it gets the raw image. Without,
    its division is undone, so that it learns on the normalisation asked for.
    """
    x = rgb if weights == "imagenet" else layers.Rescaling(255.0, name="undo")(normalize(rgb, normalization))
    return feature_map(f"EfficientNet{size.upper()}", x, None, weights)
