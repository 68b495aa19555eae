"""A lung mask in, the square box to cut out; numpy only."""

import numpy as np

from cxr.config.params import Margins
from cxr.images.geometry import Box


def box_from_mask(mask: np.ndarray, height_px: int, width_px: int, margins: Margins) -> Box:
    """Return the squared box around a non-empty (h, w) bool mask, in pixels of the (height_px, width_px) original.

    Margins are fractions of the lung box; the shorter side grows about its middle until the box is square, so the box
    may reach beyond the image. Raises ValueError for an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("the mask is empty")
    scale_y, scale_x = height_px / mask.shape[0], width_px / mask.shape[1]
    y0, y1 = rows[0] * scale_y, (rows[-1] + 1) * scale_y
    x0, x1 = columns[0] * scale_x, (columns[-1] + 1) * scale_x
    height, width = y1 - y0, x1 - x0
    y0, y1 = y0 - margins.top * height, y1 + margins.bottom * height
    x0, x1 = x0 - margins.sides * width, x1 + margins.sides * width
    return _squared(x0, y0, x1, y1)


def whole_image_box(height_px: int, width_px: int) -> Box:
    """Return the squared box of the whole image: the shorter side is padded evenly."""
    return _squared(0, 0, width_px, height_px)


def _squared(x0: float, y0: float, x1: float, y1: float) -> Box:
    side = round(max(x1 - x0, y1 - y0))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    return Box(left, top, left + side, top + side)
