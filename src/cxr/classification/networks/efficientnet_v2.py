"""EfficientNetV2 (Tan & Le, ICML 2021), from keras.applications."""

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def efficientnet_v2(rgb: KerasTensor, normalization: str, weights: str | None, size: str) -> KerasTensor:
    """Return the feature map (h/32, w/32, C) of size "b0" to "b3", "s" or "m".

    With ImageNet weights Keras' graph normalises by itself, else ours does. They are the same for B0 to B3; for S and M
    Keras divides by 128 where minus_one_to_one divides by 127.5.
    """
    own = weights == "imagenet"
    name = f"EfficientNetV2{size.upper()}"
    return feature_map(name, rgb, None if own else normalization, weights, include_preprocessing=own)
