"""InceptionV3 (Szegedy et al., CVPR 2016), from keras.applications."""

import keras

from cxr.classification.networks.normalization import normalize


def inception_v3(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (about h/32 - 2, w/32 - 2, 2048); images of at least 75 px."""
    x = normalize(rgb, normalization)
    shape = tuple(x.shape[1:])  # spelt out, or Keras does not check that it is large enough
    model = keras.applications.InceptionV3(include_top=False, weights=weights, input_tensor=x, input_shape=shape)
    return model.output
