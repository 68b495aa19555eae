"""A moved image in, the same image as another exposure, display and detector would show it out."""

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import soften
from cxr.training.augment.affine import draw_factor

GREY_MAX = 255.0


def change_grey(image: np.ndarray, augment: Augment, draw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an (S, S) image 0..255 with other sharpness, contrast, brightness, gamma and grain.

    draw: (2,) in [-1, 1], of contrast and brightness.
    """
    if augment.blur_fraction:
        image = soften(image, augment.blur_fraction * len(image) * rng.random())
    mean = image.mean()
    contrast = 1 + augment.contrast_fraction * draw[0]
    shift = augment.brightness_fraction * GREY_MAX * draw[1]
    image = np.clip((image - mean) * contrast + mean + shift, 0, GREY_MAX)
    if augment.gamma_fraction:
        image = GREY_MAX * (image / GREY_MAX) ** draw_factor(augment.gamma_fraction, rng)
    if augment.noise_sd:
        image = np.clip(image + rng.normal(0, rng.uniform(0, augment.noise_sd), image.shape), 0, GREY_MAX)
    return image
