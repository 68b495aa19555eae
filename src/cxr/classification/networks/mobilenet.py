"""MobileNet (Howard et al., 2017, arXiv 1704.04861), from keras.applications."""

import warnings

from keras import KerasTensor

from cxr.classification.networks.applications import feature_map


def mobilenet(rgb: KerasTensor, normalization: str, weights: str | None) -> KerasTensor:
    """Return the feature map (h/32, w/32, 1024)."""
    with warnings.catch_warnings():  # weights of 224 px serve images of sizes that have none of their own
        warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square", UserWarning)
        return feature_map("MobileNet", rgb, normalization, weights)
