"""InceptionV3 (Szegedy et al., CVPR 2016), from keras.applications."""

import keras

from cxr.classification.networks.normalization import normalize


def inception_v3(rgb: keras.KerasTensor, normalization: str, weights: str | None) -> keras.KerasTensor:
    """Return the feature map (about h/32 - 2, w/32 - 2, 2048); images of at least 75 px."""
    x = normalize(rgb, normalization)
    return keras.applications.InceptionV3(include_top=False, weights=weights, input_tensor=x).output
