"""Drawn lungs against hand-made masks of real ones."""

import numpy as np

from cxr.images.files import read_image
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec


def proportions(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Width over height, height over the image's, share of the image, and upper edge, of a mask of both lungs."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    return width / height, height / mask.shape[0], mask.mean(), rows[0] / mask.shape[0]


def test_lungs_have_the_proportions_of_real_ones(real_data):
    masks = sorted((real_data / "lung-masks" / "masks").glob("*.png"))[::6]
    real = np.array([proportions(read_image(path) > 127) for path in masks])
    spec = PhantomSpec(image_px=160, prevalence=0.0)
    drawn = np.array([proportions(render_phantom(spec, patient, 0).lung_mask > 0) for patient in range(1, 61)])
    low, high = np.percentile(real, (25, 75), axis=0)
    middle = np.median(drawn, axis=0)
    assert (low < middle).all() and (middle < high).all()
    assert (drawn.std(axis=0) > 0.5 * real.std(axis=0)).all()
