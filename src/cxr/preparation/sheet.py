"""A store in, one picture of some of its crops out: to see at a glance what classifiers will see."""

import numpy as np

from cxr.images.sheet import make_sheet
from cxr.preparation.store import Store

TILE_PX = 128
COLUMNS, ROWS = 10, 4


def crop_sheet(store: Store) -> np.ndarray:
    """Return (H, W) uint8: up to 40 crops, evenly spread over the images, ten a row."""
    chosen = np.unique(np.linspace(0, len(store.rows) - 1, COLUMNS * ROWS).astype(int))
    return make_sheet([store.crops[store.rows[index]] for index in chosen], COLUMNS, TILE_PX)
