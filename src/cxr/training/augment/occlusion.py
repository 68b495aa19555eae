"""An image in, the same with a part of it covered out: black borders, an erased rectangle."""

import numpy as np

from cxr.training.augment.grey import GREY_MAX

LEAST_ERASED = 0.02
"""Of the image's area."""
ERASED_RATIO = 10 / 3
"""Largest ratio of the sides of what is erased."""


def cover_borders(image: np.ndarray, mask: np.ndarray | None, fraction: float, rng: np.random.Generator) -> None:
    """Blacken all four borders in place, each of its own width."""
    size = len(image)
    top, bottom, left, right = (rng.uniform(0, fraction, 4) * size).astype(int)
    for array in (image, mask):
        if array is not None:
            array[:top], array[size - bottom :], array[:, :left], array[:, size - right :] = 0, 0, 0, 0


def erase(image: np.ndarray, fraction: float, rng: np.random.Generator) -> None:
    """Fill a rectangle of up to this fraction of the area with noise, in place (Zhong et al. 2020, algorithm 1).

    A side that would be longer than the image is as long as the image, where the paper draws again.
    """
    size = len(image)
    area, ratio = rng.uniform(min(LEAST_ERASED, fraction), fraction), ERASED_RATIO ** rng.uniform(-1, 1)
    height, width = np.clip(np.sqrt([area * ratio, area / ratio]) * size, 1, size).astype(int)
    top, left = rng.integers(size - height + 1), rng.integers(size - width + 1)
    image[top : top + height, left : left + width] = rng.uniform(0, GREY_MAX, (height, width))
