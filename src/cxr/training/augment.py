"""A batch of grey images in, randomly moved and re-exposed ones out; a pure function of the random generator given."""

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import affine_matrix, warp

GREY_MAX = 255.0


def augment_batch(
    images: np.ndarray, augment: Augment, rng: np.random.Generator, masks: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return changed copies. images: (N, S, S) float32 0..255; masks: (N, S, S) uint8, only moved, like their image.

    Each image draws its own rotation, scale, shift, flip and stretch, then contrast about its mean and brightness, then
    what is off by default: gamma, grain and black borders, which cover the mask too.
    """
    out = np.empty_like(images)
    out_masks = None if masks is None else np.empty_like(masks)
    size = images.shape[1]
    for i, image in enumerate(images):
        draw = rng.uniform(-1, 1, 6)
        matrix = affine_matrix(
            size,
            degrees=augment.rotate_degrees * draw[0],
            scale=1 + augment.zoom_fraction * draw[1],
            shift_x_px=augment.shift_fraction * size * draw[2],
            shift_y_px=augment.shift_fraction * size * draw[3],
            flip=bool(rng.random() < augment.flip_probability),
            stretch=_factor(augment.stretch_fraction, rng),
        )
        moved = warp(image, matrix)
        mean = moved.mean()
        contrast = 1 + augment.contrast_fraction * draw[4]
        shift = augment.brightness_fraction * GREY_MAX * draw[5]
        out[i] = _degrade(np.clip((moved - mean) * contrast + mean + shift, 0, GREY_MAX), augment, rng)
        if masks is not None:
            out_masks[i] = warp(masks[i], matrix)
        if augment.border_fraction and rng.random() < 0.5:
            _cover(out[i], None if out_masks is None else out_masks[i], augment.border_fraction, rng)
    return out, out_masks


def _degrade(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Change the curve of an (S, S) image 0..255 and add grain; draws nothing where both are off."""
    if augment.gamma_fraction:
        image = GREY_MAX * (image / GREY_MAX) ** _factor(augment.gamma_fraction, rng)
    if augment.noise_sd:
        image = np.clip(image + rng.normal(0, rng.uniform(0, augment.noise_sd), image.shape), 0, GREY_MAX)
    return image


def _factor(fraction: float, rng: np.random.Generator) -> float:
    """A factor between 1 / (1 + fraction) and 1 + fraction; draws nothing where it is off."""
    return (1 + fraction) ** rng.uniform(-1, 1) if fraction else 1.0


def _cover(image: np.ndarray, mask: np.ndarray | None, fraction: float, rng: np.random.Generator) -> None:
    """Blacken all four borders in place, each of its own width."""
    size = len(image)
    top, bottom, left, right = (rng.uniform(0, fraction, 4) * size).astype(int)
    for array in (image, mask):
        if array is not None:
            array[:top], array[size - bottom :], array[:, :left], array[:, size - right :] = 0, 0, 0, 0
