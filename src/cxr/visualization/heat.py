"""Raw maps of a network in, maps in [0, 1] out; numpy only."""

import numpy as np


def normalize_maps(maps: np.ndarray) -> np.ndarray:
    """Return (..., h, w, K) maps after ReLU, each divided by its maximum; a map without any positive value stays 0."""
    positive = np.maximum(maps, 0)
    highest = positive.max(axis=(-3, -2), keepdims=True)
    return np.divide(positive, highest, out=np.zeros_like(positive), where=highest > 0)


def stretch_maps(maps: np.ndarray) -> np.ndarray:
    """Return (..., h, w, K) maps, each drawn out from its minimum to its maximum; a level map becomes 0."""
    return normalize_maps(maps - maps.min(axis=(-3, -2), keepdims=True))
