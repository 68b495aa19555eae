"""An image in, the same with a part of it covered out: black borders, an erased rectangle."""

import numpy as np

from cxr.training.augment.affine import draw_sides
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
    """Fill a rectangle of up to this fraction of the area with noise, in place (Zhong et al. 2020, algorithm 1)."""
    size = len(image)
    sides = draw_sides(size, min(LEAST_ERASED, fraction), fraction, ERASED_RATIO, rng)
    width, height = (min(max(int(side), 1), size) for side in sides)
    left, top = rng.integers(size - width + 1), rng.integers(size - height + 1)
    image[top : top + height, left : left + width] = rng.uniform(0, GREY_MAX, (height, width))
