"""A raw lung probability map in, a cleaned lung mask and a quality score out."""

from dataclasses import dataclass

import cv2
import numpy as np

THRESHOLD = 0.5

# Each check rises from 0 at the first number to 1 at the second. 593 hand-made masks (Montgomery and Shenzhen) cover
# 8-41 % of the frame, the smaller lung is 0.45-1.0 of the larger in 99 % of them (0.10 in the most collapsed), and the
# centres lie 0.23-0.52 of the width apart: one of the 593 scores below 0.5.
AREA_FRACTION = (0.04, 0.10)
TOO_LARGE_FRACTION = (0.75, 0.62)
BALANCE = (0.15, 0.35)
DISTANCE_FRACTION = (0.12, 0.22)
CERTAINTY = (0.55, 0.80)


@dataclass(frozen=True)
class Lungs:
    """mask: (H, W) bool, the two largest components without holes; quality: 0 (unusable) to 1; fraction: mask area."""

    mask: np.ndarray
    quality: float
    fraction: float


def find_lungs(probability: np.ndarray) -> Lungs:
    """Clean a (H, W) float32 lung probability map and score it."""
    mask, areas, centres_x = _two_largest(probability > THRESHOLD)
    fraction = float(mask.mean())
    return Lungs(mask, _quality(probability, mask, areas, centres_x), fraction)


def _two_largest(raw: np.ndarray) -> tuple[np.ndarray, list[int], list[float]]:
    """Keep the two largest connected components and fill their holes; also their areas and centres (x), in pixels."""
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(raw.astype(np.uint8), connectivity=4)
    largest = sorted(range(1, count), key=lambda label: -stats[label, cv2.CC_STAT_AREA])[:2]
    kept = np.isin(labels, largest).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(kept, outlines, -1, 1, thickness=cv2.FILLED)
    return (
        kept.astype(bool),
        [int(stats[i, cv2.CC_STAT_AREA]) for i in largest],
        [float(centroids[i, 0]) for i in largest],
    )


def _quality(probability: np.ndarray, mask: np.ndarray, areas: list[int], centres_x: list[float]) -> float:
    """Return the weakest of five checks: area, not too large, left/right balance, side by side, certainty."""
    if len(areas) < 2:
        return 0.0
    fraction = float(mask.mean())
    return min(
        _ramp(fraction, AREA_FRACTION),
        _ramp(fraction, TOO_LARGE_FRACTION),
        _ramp(areas[1] / areas[0], BALANCE),
        _ramp(abs(centres_x[0] - centres_x[1]) / mask.shape[1], DISTANCE_FRACTION),
        _ramp(float(probability[mask].mean()), CERTAINTY),
    )


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 at the first end and beyond, 1 at the second and beyond, straight in between."""
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))
