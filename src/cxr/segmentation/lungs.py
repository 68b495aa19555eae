"""A raw lung probability map in, a cleaned lung mask and a quality score out."""

from dataclasses import dataclass

import cv2
import numpy as np

from cxr.config.lungs import Cleaning
from cxr.segmentation.quality import LungShape, quality_of

THRESHOLD = 0.5
STEP_PX = 0.7  # an outline may leave the pixels' middles by so much, which straightens their steps
SQUARE_FRACTION = 15 / 512  # of the size: the square that erodes and dilates


@dataclass(frozen=True)
class Lungs:
    """mask: (H, W) bool, the two largest components without holes; quality: 0 (unusable) to 1; fraction: mask area."""

    mask: np.ndarray
    quality: float
    fraction: float


def find_lungs(probability: np.ndarray, cleaning: Cleaning | None = None) -> Lungs:
    """Clean a (H, W) float32 lung probability map and score it; the score comes before erosion and dilation."""
    raw = (probability > THRESHOLD).astype(np.uint8)
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(raw, connectivity=4)
    largest = sorted(range(1, count), key=lambda label: -stats[label, cv2.CC_STAT_AREA])[:2]
    mask = np.isin(labels, largest).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, thickness=cv2.FILLED)
    quality = 0.0
    if len(largest) == 2:
        areas = [int(stats[label, cv2.CC_STAT_AREA]) for label in largest]
        quality = quality_of(_shape(probability, mask, int(raw.sum()), areas, centroids[largest]))
    if cleaning and (cleaning.erode or cleaning.dilate):
        mask = _opened(mask, cleaning)
    return Lungs(mask.astype(bool), quality, float(mask.mean()))


def outline_mask(mask: np.ndarray) -> list[np.ndarray]:
    """Return the outlines of an (H, W) bool mask: (n, 2) float64 polygons of x, y as shares of width and height."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    smooth = [cv2.approxPolyDP(points, STEP_PX, closed=True)[:, 0] for points in found]
    return [(points + 0.5) / mask.shape[::-1] for points in smooth if len(points) > 2]


def _shape(probability: np.ndarray, mask: np.ndarray, found: int, areas: list[int], centres: np.ndarray) -> LungShape:
    """Describe two lungs; found: pixels above the threshold; areas: larger first; centres: (2, 2) x, y."""
    height, width = mask.shape
    inside = mask > 0
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    edge = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]])
    return LungShape(
        area=float(inside.mean()),
        balance=areas[1] / areas[0],
        distance=float(abs(centres[0, 0] - centres[1, 0])) / width,
        level=float(abs(centres[0, 1] - centres[1, 1])) / height,
        middle_x=abs((columns[0] + columns[-1] + 1) / 2 / width - 0.5),
        middle_y=abs((rows[0] + rows[-1] + 1) / 2 / height - 0.5),
        edge=float(edge.mean()),
        debris=1 - sum(areas) / found,
        certainty=float(probability[inside].mean()),
    )


def _opened(mask: np.ndarray, cleaning: Cleaning) -> np.ndarray:
    side = max(1, round(SQUARE_FRACTION * max(mask.shape)))
    square = np.ones((side, side), np.uint8)
    eroded = cv2.erode(mask, square, iterations=cleaning.erode) if cleaning.erode else mask
    return cv2.dilate(eroded, square, iterations=cleaning.dilate) if cleaning.dilate else eroded
