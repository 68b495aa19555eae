"""Boxes in, how much they overlap out: IoU and IoBB; and boxes as pixels of a map.

Boxes are (n, 4) float64 x0, y0, x1, y1 in any one unit.
"""

import numpy as np


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """(n,) areas; 0 for a box turned inside out."""
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)


def intersections(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(n, m) areas that (n, 4) and (m, 4) boxes share."""
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    high = np.minimum(found[:, None, 2:], true[None, :, 2:])
    return np.prod(np.maximum(high - low, 0), axis=2)


def iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union; 0 where both are empty."""
    shared = intersections(found, true)
    return _share(shared, box_areas(found)[:, None] + box_areas(true)[None] - shared)


def iobb(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(n, m) intersection over the area of the *found* box (Wang et al., CVPR 2017); 0 for an empty one."""
    shared = intersections(found, true)
    return _share(shared, np.broadcast_to(box_areas(found)[:, None], shared.shape))


def pixels_of(boxes: np.ndarray, size_px: int) -> np.ndarray:
    """(S, S) bool: pixels of a square of side 1 whose middle lies in one of (n, 4) boxes.

    A box inside the square that is too small to hold any middle has the pixel that it lies in.
    """
    inside = np.zeros((size_px, size_px), bool)
    for x0, y0, x1, y1 in np.asarray(boxes, np.float64).reshape(-1, 4) * size_px:
        if x1 <= 0 or y1 <= 0 or x0 >= size_px or y0 >= size_px:
            continue
        inside[_middles(y0, y1, size_px), _middles(x0, x1, size_px)] = True
    return inside


def distances(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n, m) distances of (n, 2) points to (m, 4) boxes, 0 inside and on the edge; NaN for a point that is NaN."""
    apart = np.maximum(boxes[None, :, :2] - points[:, None], points[:, None] - boxes[None, :, 2:])
    return np.hypot(*np.moveaxis(np.maximum(apart, 0), 2, 0))


def _middles(low: float, high: float, size_px: int) -> slice:
    first, last = int(np.ceil(low - 0.5)), int(np.ceil(high - 0.5))
    if last <= first:  # no middle between them
        first = int(np.floor((low + high) / 2))
        last = first + 1
    return slice(min(max(first, 0), size_px - 1), max(last, 1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
