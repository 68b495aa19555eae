"""What holds no lungs to be found: chest X-rays turned or inverted, and drawn images of other things."""

import numpy as np

from cxr.images.lies import LYING
from cxr.phantoms.dataset.negatives import NEGATIVES, render_negative

SEED = 0x10  # of the drawn ones
LEARNT_OF_EACH = 40
"""How many of each kind of drawn images networks learn from."""


def draw_negatives(of_each: int, image_px: int, first: int = 0) -> np.ndarray:
    """Return (N, S, S) uint8: `of_each` drawn hands, lateral views, noise, text and plain grey, in NEGATIVES' order.

    first: number of the first of each kind; other numbers are other images.
    """
    numbers = range(first, first + of_each)
    return np.stack([render_negative(kind, number, SEED, image_px) for kind in NEGATIVES for number in numbers])


def spoil(image: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the (S, S) image turned or inverted, or in every fourth case one of the drawn ones (N, S, S) instead."""
    if rng.random() < 0.25:
        return drawn[rng.integers(len(drawn))]
    return LYING[rng.integers(len(LYING))].lay(image)
