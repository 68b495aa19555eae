"""A heatmap and an activation threshold in, the heatmap without what lies below it out."""

import numpy as np


def cut_heat(heat: np.ndarray, threshold: float, below: str) -> np.ndarray:
    """Return heat (..., h, w) float32 in [0, 1] with 0 where it was below the threshold; a map of zeros stays one.

    below: "blank" leaves the rest as it is; "rescale" makes (heat - t) / (1 - t) of it, which is continuous (only a
    threshold of 1 leaves just the ones). A threshold of 0 changes nothing.
    """
    if below == "rescale" and threshold < 1:
        return np.clip((heat - np.float32(threshold)) / np.float32(1 - threshold), 0, 1)
    return np.where(heat >= np.float32(threshold), heat, np.float32(0))
