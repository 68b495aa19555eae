"""EfficientNet and EfficientNetV2 (Tan & Le, ICML 2019 and 2021), from keras.applications."""

import keras
from keras import layers

from cxr.classification.networks.normalization import normalize
from cxr.config.errors import UserError


def efficientnet_b0(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 1280).

    Keras' graph divides by 255 and, with ImageNet weights, normalises by itself: then it gets the raw image. Without,
    its division is undone, so that it learns on the normalisation asked for.
    """
    if weights == "imagenet" and normalization != "imagenet":
        raise UserError(
            f'efficientnet_b0 with ImageNet weights needs "normalization": "imagenet", not "{normalization}"'
        )
    x = rgb if weights == "imagenet" else layers.Rescaling(255.0, name="undo")(normalize(rgb, normalization))
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.EfficientNetB0(include_top=False, weights=weights, input_tensor=x, input_shape=shape)
    return model.output


def efficientnet_v2_b0(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 1280); Keras' own normalisation, the same as ours, is left out."""
    x = normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.EfficientNetV2B0(
        include_top=False, include_preprocessing=False, weights=weights, input_tensor=x, input_shape=shape
    )
    return model.output
