"""A batch of grey images in, randomly moved and re-exposed ones out; a pure function of the random generator given."""

from functools import partial

import numpy as np

from cxr.config.augment import Augment
from cxr.images.geometry import before_affine, look_up, warp
from cxr.training.augment.affine import draw_matrix
from cxr.training.augment.distortion import draw_places
from cxr.training.augment.grey import change_grey
from cxr.training.augment.occlusion import cover_borders, erase


def augment_batch(
    images: np.ndarray, augment: Augment, rng: np.random.Generator, masks: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return changed copies. images: (N, S, S) float32 0..255; masks: (N, S, S) uint8, only moved, like their image.

    Each image draws its own move and distortion, which are laid together, so that it is interpolated once; then its
    exposure; then what covers it. Black borders cover the mask too, an erased rectangle does not: the lungs are still
    there. What is off draws nothing, so that switching one on leaves the batches of runs without it as they were.
    """
    out = np.empty_like(images)
    out_masks = None if masks is None else np.empty_like(masks)
    size = images.shape[1]
    for i, image in enumerate(images):
        draw = rng.uniform(-1, 1, 6)  # four of the move, two of the exposure
        matrix, places = draw_matrix(size, augment, draw[:4], rng), draw_places(size, augment, rng)
        if places is None:
            move = partial(warp, matrix=matrix)
        else:
            move = partial(look_up, places=before_affine(places, matrix))
        out[i] = change_grey(move(image), augment, draw[4:], rng)
        if masks is not None:
            out_masks[i] = move(masks[i])
        if augment.border_fraction and rng.random() < 0.5:
            cover_borders(out[i], None if out_masks is None else out_masks[i], augment.border_fraction, rng)
        if augment.erase_probability and rng.random() < augment.erase_probability:
            erase(out[i], augment.erase_fraction, rng)
    return out, out_masks
