"""A heatmap in, boxes around its hot pieces out, the highest score first, as shares of the map's sides.

The rule is that of Wang et al., "ChestX-ray8", CVPR 2017, section 4.2: cut the map, and put a box around each piece.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

MAP_PX = 128
"""Height and width at which maps are looked at: a nodule has several pixels, a chunk with 14 findings 30 MB."""
NEIGHBOURS = np.ones((3, 3), bool)
"""Hot pixels that touch at a corner hang together."""


@dataclass(frozen=True)
class BoxRule:
    """threshold: share of the map's maximum, in (0, 1]; min_area: share of the map; merge: share of its width."""

    threshold: float
    min_area: float
    merge: float


@dataclass(frozen=True)
class Pieces:
    """The n hot pieces of a map, or the boxes they were merged to.

    corners: (n, 4) float64 x0, y0, x1, y1 in pixels of the map; areas: (n,) hot pixels; sums and maxima: (n,) of their
    heat.
    """

    corners: np.ndarray
    areas: np.ndarray
    sums: np.ndarray
    maxima: np.ndarray


def find_boxes(heat: np.ndarray, rule: BoxRule, score: Literal["mean", "max"] = "mean") -> np.ndarray:
    """Return (n, 5) float64 x0, y0, x1, y1 as shares of the sides of an (S, S) map in [0, 1], and the score of each.

    A map without any heat has no box; every other has at least one, around its hottest place.
    """
    size = heat.shape[0]
    found = merge_pieces(keep_large(hot_pieces(heat, rule.threshold), rule.min_area * size**2), rule.merge * size)
    scores = found.maxima if score == "max" else found.sums / np.maximum(found.areas, 1)
    boxes = np.column_stack([found.corners / size, scores])
    return boxes[np.argsort(-scores, kind="stable")]


def hot_pieces(heat: np.ndarray, threshold: float) -> Pieces:
    """Return what is at least `threshold` times the maximum of an (S, S) map, in pieces that hang together."""
    highest = heat.max()
    if not highest > 0:
        return Pieces(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(0))
    hot = heat >= threshold * highest
    labels, count = ndimage.label(hot, NEIGHBOURS)
    slices = ndimage.find_objects(labels)
    corners = np.array([(x.start, y.start, x.stop, y.stop) for y, x in slices], np.float64)
    numbers, values = labels[hot] - 1, heat[hot].astype(np.float64)
    maxima = np.zeros(count)
    np.maximum.at(maxima, numbers, values)
    return Pieces(corners, np.bincount(numbers).astype(np.float64), np.bincount(numbers, values), maxima)


def keep_large(pieces: Pieces, least: float) -> Pieces:
    """Drop pieces of less than `least` pixels, but not the one with the hottest place."""
    if not len(pieces.areas):
        return pieces
    return _rows(pieces, (pieces.areas >= least) | (pieces.maxima == pieces.maxima.max()))


def merge_pieces(pieces: Pieces, reach: float) -> Pieces:
    """Join boxes no further apart than `reach` pixels, across and down, until none are; the order does not matter."""
    # Lists of floats: of so few boxes numpy's calls take longer than what they count.
    corners, areas, sums, maxima = (one.tolist() for one in (pieces.corners, pieces.areas, pieces.sums, pieces.maxima))
    joined = True
    while joined:
        joined = False
        for one in range(len(corners)):
            near = [two for two in range(one + 1, len(corners)) if _gap(corners[one], corners[two]) <= reach]
            for two in reversed(near):
                first, second = corners[one], corners.pop(two)
                corners[one] = [*map(min, first[:2], second[:2]), *map(max, first[2:], second[2:])]
                areas[one] += areas.pop(two)
                sums[one] += sums.pop(two)
                maxima[one] = max(maxima[one], maxima.pop(two))
            joined = joined or bool(near)
            if one + 1 >= len(corners):
                break
    return Pieces(np.array(corners).reshape(-1, 4), np.array(areas), np.array(sums), np.array(maxima))


def _gap(one: list[float], two: list[float]) -> float:
    """Pixels between two boxes, the larger of across and down; 0 where they overlap or touch."""
    (left, top, right, bottom), (x0, y0, x1, y1) = one, two
    return max(0.0, max(left, x0) - min(right, x1), max(top, y0) - min(bottom, y1))


def _rows(pieces: Pieces, chosen: np.ndarray) -> Pieces:
    return Pieces(pieces.corners[chosen], pieces.areas[chosen], pieces.sums[chosen], pieces.maxima[chosen])
