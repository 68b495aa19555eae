"""A store in, one picture of some of its crops out: to see at a glance what classifiers will see."""

import numpy as np

from cxr.images.geometry import resize
from cxr.preparation.store import Store

TILE_PX = 128
COLUMNS, ROWS = 10, 4


def crop_sheet(store: Store) -> np.ndarray:
    """Return (H, W) uint8: up to 40 crops, evenly spread over the images, ten a row."""
    chosen = np.unique(np.linspace(0, len(store.rows) - 1, COLUMNS * ROWS).astype(int))
    sheet = np.zeros((-(-len(chosen) // COLUMNS) * TILE_PX, COLUMNS * TILE_PX), np.uint8)
    for place, index in enumerate(chosen):
        top, left = place // COLUMNS * TILE_PX, place % COLUMNS * TILE_PX
        tile = resize(store.crops[store.rows[index]], TILE_PX, TILE_PX)
        sheet[top : top + TILE_PX, left : left + TILE_PX] = tile
    return sheet
