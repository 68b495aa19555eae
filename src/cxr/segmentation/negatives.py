"""What holds no lungs to be found: chest X-rays turned or inverted, and drawn images of other things."""

from collections.abc import Callable

import numpy as np

from cxr.phantoms.dataset.negatives import NEGATIVES, render_negative

SEED = 0x10  # of the drawn ones
TURNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "on its left side": lambda image: np.rot90(image, 1),
    "upside down": lambda image: np.rot90(image, 2),
    "on its right side": lambda image: np.rot90(image, 3),
    "inverted": lambda image: 255 - image,
}
"""What is done to a chest X-ray (S, S) that makes it unusable."""


def draw_negatives(of_each: int, image_px: int) -> np.ndarray:
    """Return (N, S, S) uint8: `of_each` drawn hands, lateral views, pages of text, noise and plain grey."""
    return np.stack([render_negative(kind, number, SEED, image_px) for kind in NEGATIVES for number in range(of_each)])


def spoil(image: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the (S, S) image turned or inverted, or in every fourth case one of the drawn ones (N, S, S) instead."""
    if rng.random() < 0.25:
        return drawn[rng.integers(len(drawn))]
    return TURNS[str(rng.choice(list(TURNS)))](image)
