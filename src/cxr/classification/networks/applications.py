"""The name of a network of keras.applications and an RGB tensor in, its feature map out."""

from typing import Any

import keras

from cxr.classification.networks.normalization import normalize


def feature_map(
    name: str, rgb: keras.KerasTensor, normalization: str | None, weights: str | None, **options: Any
) -> keras.KerasTensor:
    """Return the last feature map of `keras.applications.<name>` on `rgb` (H, W, 3) 0..255, `weights` loaded.

    normalization: how `rgb` is normalised first; None where the network does that by itself. options: others of its
    constructor.
    """
    x = rgb if normalization is None else normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    build = getattr(keras.applications, name)
    return build(include_top=False, weights=weights, input_tensor=x, input_shape=shape, **options).output
