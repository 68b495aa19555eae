"""Parameters and a random generator in, where each pixel of a distorted image comes from out: straight lines bend."""

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import enlarge_map, soften

CELLS = 5
"""Cells of the grid distortion across and down."""
KNOTS = 2
"""Points of the coarse elastic field within one of its standard deviations."""


def draw_places(size: int, augment: Augment, rng: np.random.Generator) -> np.ndarray | None:
    """Return (2, S, S) float32: x and y in the undistorted image, in pixels, of every pixel; None where all is off."""
    if not (augment.grid_fraction or augment.elastic_fraction or augment.optical_fraction):
        return None
    x, y = draw_grid(size, augment.grid_fraction, rng) if augment.grid_fraction else np.tile(np.arange(size), (2, 1))
    places = np.stack(np.broadcast_arrays(x[None, :], y[:, None])).astype(np.float32)
    if augment.elastic_fraction:
        places += draw_elastic(size, augment.elastic_fraction, augment.elastic_smoothness, rng)
    return bend(places, augment.optical_fraction * rng.uniform(-1, 1)) if augment.optical_fraction else places


def draw_grid(size: int, fraction: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return where columns (S,) and rows (S,) come from when the cells of a grid change their widths and heights."""
    widths = 1 + fraction * rng.uniform(-1, 1, (2, CELLS))
    lines = np.pad(np.cumsum(widths, axis=1), ((0, 0), (1, 0))) / widths.sum(axis=1, keepdims=True)
    middles = (np.arange(size) + 0.5) / size
    x, y = (np.interp(middles, np.linspace(0, 1, CELLS + 1), line) * size - 0.5 for line in lines)
    return x, y


def draw_elastic(size: int, fraction: float, smoothness: float, rng: np.random.Generator) -> np.ndarray:
    """Return (2, S, S) float32 displacements in pixels: noise blurred by a Gaussian (Simard et al. 2003, section 2).

    The field is as smooth as its Gaussian is wide, so it is drawn on a coarse grid and enlarged. Its largest
    displacement is drawn between 0 and `fraction` of the size.
    """
    count, rim = int(np.ceil(KNOTS / smoothness)) + 1, 3 * KNOTS  # the rim keeps the blur's own edges out of sight
    noise = rng.uniform(-1, 1, (2, count + 2 * rim, count + 2 * rim)).astype(np.float32)
    field = np.stack([soften(part, KNOTS)[rim:-rim, rim:-rim] for part in noise])
    field *= size * fraction * rng.random() / np.sqrt((field**2).sum(axis=0).max())
    return np.stack([enlarge_map(part, size, size) for part in field])


def bend(places: np.ndarray, strength: float) -> np.ndarray:
    """Return (2, S, S) places moved along the radius: strength > 0 barrel, < 0 pincushion.

    The middle of an edge shows what lay (1 + strength) times as far from the centre; pincushion is
    1 / sqrt(1 + 2 |strength| r^2), which to first order is the same and never folds the image.
    """
    centre = (places.shape[1] - 1) / 2
    offset = (places - np.float32(centre)) / np.float32(centre)
    square = (offset**2).sum(axis=0)
    factor = 1 + strength * square if strength > 0 else 1 / np.sqrt(1 - 2 * strength * square)
    return (offset * factor * centre + centre).astype(np.float32)
