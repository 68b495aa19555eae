"""Grey images in, one picture of all of them side by side out."""

from collections.abc import Sequence

import numpy as np

from cxr.images.geometry import resize


def make_sheet(images: Sequence[np.ndarray], columns: int, tile_px: int) -> np.ndarray:
    """Return (rows * tile_px, columns * tile_px) uint8 of (h, w) uint8 images, row by row; unused tiles are black."""
    sheet = np.zeros((-(-len(images) // columns) * tile_px, columns * tile_px), np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * tile_px, place % columns * tile_px
        sheet[top : top + tile_px, left : left + tile_px] = resize(image, tile_px, tile_px)
    return sheet
