"""A `PhantomSpec` in, one picture of its first patients out."""

import numpy as np

from cxr.images.sheet import make_sheet
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

TILE_PX = 200
COLUMNS, ROWS = 8, 5


def phantom_sheet(spec: PhantomSpec) -> np.ndarray:
    """Return (H, W) uint8: the first image of each of the first 40 patients, eight a row."""
    patients = range(1, min(spec.patients, COLUMNS * ROWS) + 1)
    return make_sheet([render_phantom(spec, patient, 0).image for patient in patients], COLUMNS, TILE_PX)
