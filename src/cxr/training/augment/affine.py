"""Parameters and random draws in, the (2, 3) matrix of one image's move out: straight lines stay straight."""

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import affine_matrix, box_matrix, chain


def draw_matrix(size: int, augment: Augment, draw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the (2, 3) float64 matrix, source to target pixels, of a random crop, then turn, shear, shift and flip.

    draw: (4,) in [-1, 1], of rotation, scale, shift right and shift down.
    """
    flip = bool(rng.random() < augment.flip_probability)
    matrix = affine_matrix(
        size,
        degrees=augment.rotate_degrees * draw[0],
        scale=1 + augment.zoom_fraction * draw[1],
        shift_x_px=augment.shift_fraction * size * draw[2],
        shift_y_px=augment.shift_fraction * size * draw[3],
        flip=flip,
        stretch=draw_factor(augment.stretch_fraction, rng),
        shear_degrees=augment.shear_degrees * rng.uniform(-1, 1) if augment.shear_degrees else 0.0,
    )
    return chain(draw_crop(size, augment, rng), matrix) if augment.crop_scale < 1 else matrix


def draw_crop(size: int, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Return the matrix that enlarges a random part of the image to the whole (Szegedy et al. 2015, section 6)."""
    width, height = draw_sides(size, augment.crop_scale, 1, augment.crop_ratio, rng)
    return box_matrix(size, rng.random() * (size - width), rng.random() * (size - height), width, height)


def draw_sides(size: int, least: float, most: float, ratio: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return width and height, in pixels, of a rectangle that fits into the image.

    least, most: of its area, as fractions of the image's. ratio: of its longer to its shorter side at most; a large
    rectangle has a smaller one, or it would not fit.
    """
    area = rng.uniform(least, most)
    shape = min(ratio, 1 / area) ** rng.uniform(-1, 1)
    return size * (area * shape) ** 0.5, size * (area / shape) ** 0.5


def draw_factor(fraction: float, rng: np.random.Generator) -> float:
    """Return a factor between 1 / (1 + fraction) and 1 + fraction; draws nothing where it is off."""
    return (1 + fraction) ** rng.uniform(-1, 1) if fraction else 1.0
