"""Xception (Chollet, CVPR 2017), from keras.applications."""

import keras

from cxr.classification.networks.normalization import normalize


def xception(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 2048); images of at least 71 px."""
    x = normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.Xception(include_top=False, weights=weights, input_tensor=x, input_shape=shape)
    return model.output
