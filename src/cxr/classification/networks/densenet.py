"""DenseNet (Huang et al., CVPR 2017), from keras.applications."""

import keras

from cxr.classification.networks.normalization import normalize


def densenet121(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 1024)."""
    x = normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.DenseNet121(include_top=False, weights=weights, input_tensor=x, input_shape=shape)
    return model.output


def densenet169(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (h/32, w/32, 1664)."""
    x = normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.DenseNet169(include_top=False, weights=weights, input_tensor=x, input_shape=shape)
    return model.output
