"""What a heatmap must beat, in its shape: random maps, other patients' maps, and where a finding usually lies."""

import numpy as np

from cxr.images.geometry import soften

SMOOTHNESS = 1 / 14
"""Deviation of the blur of a random map, in image widths: half a place of a map of 7 places across."""


def random_map(image_id: str, finding: int, image_px: int, seed: int) -> np.ndarray:
    """Return a smooth (image_px, image_px) float32 map from 0 to 1 that depends on image, finding and seed alone."""
    random, sd_px = np.random.default_rng([seed, finding, *image_id.encode()]), image_px * SMOOTHNESS
    margin = round(4 * sd_px)  # blurred and cut off, so that no place, the rim either, is hotter than others by chance
    noise = random.standard_normal((image_px + 2 * margin,) * 2, np.float32)
    heat = soften(noise, sd_px)[margin : margin + image_px, margin : margin + image_px]
    return (heat - heat.min()) / np.ptp(heat)


def swap_patients(patient_ids: np.ndarray, seed: int) -> np.ndarray:
    """Return (N,) for each image the place of an image of another patient, drawn evenly among all of those.

    The swapped map of image i is the map of image `swap_patients(...)[i]` for the same finding. Raises ValueError when
    all images are of one patient.
    """
    _, patients, counts = np.unique(patient_ids, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ValueError("maps can be swapped among two patients or more; all images are of one")
    random, order = np.random.default_rng(seed), np.argsort(patients, kind="stable")
    first = np.concatenate([[0], np.cumsum(counts)])[patients]  # where the patient's own images begin in `order`
    drawn = random.integers(0, len(patients) - counts[patients])
    return order[np.where(drawn < first, drawn, drawn + counts[patients])]


def average_box(boxes: np.ndarray, patient_ids: np.ndarray, patient_id: str, image_px: int) -> np.ndarray:
    """Return how often a place lies in a finding's box, over all other patients: (image_px, image_px) float32 to 1.

    boxes: (B, 4) float64 of one finding, x0, y0, x1, y1 as shares of the crop's sides (they may reach beyond it);
    patient_ids: (B,) of whom. Every patient counts once, whatever the number of boxes; pixels at a box's edge count in
    part. Without any box of another patient the map is 0.
    """
    others = patient_ids != patient_id
    total = np.zeros((image_px, image_px), np.float64)
    for other in np.unique(patient_ids[others]):
        mine = boxes[patient_ids == other]
        total += np.mean([_covered(box, image_px) for box in mine], axis=0)
    highest = total.max(initial=0)
    return (total / highest if highest > 0 else total).astype(np.float32)


def _covered(box: np.ndarray, image_px: int) -> np.ndarray:
    """Share of every pixel that a box (x0, y0, x1, y1) in shares of the sides covers."""
    edges = np.arange(image_px)
    x0, y0, x1, y1 = np.asarray(box, np.float64) * image_px
    across, down = (
        np.clip(np.minimum(end, edges + 1) - np.maximum(start, edges), 0, 1) for start, end in ((x0, x1), (y0, y1))
    )
    return np.outer(down, across)
