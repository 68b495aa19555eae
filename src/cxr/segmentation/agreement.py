"""True and found lung masks in, how well they agree out: per image, and per source with intervals by patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from cxr.evaluation.intervals import percentile_interval, resampled_weights

RESAMPLES = 2000


@dataclass(frozen=True)
class Agreement:
    """How well one found mask agrees with the true one."""

    dice: float
    """Twice the common area over the sum of both areas, 0 to 1 (Dice 1945)."""
    iou: float
    """Common area over the area of either, 0 to 1 (Jaccard 1912)."""
    hd95: float
    """95 % Hausdorff distance as a fraction of the image's height: the larger of both directed 95th percentiles of the
    distance from an edge to the other edge (Huttenlocher et al. 1993); the image's diagonal when one mask is empty."""
    area_error: float
    """Found area over true area, minus 1."""


MEASURES = tuple(field.name for field in fields(Agreement))


def dice_of(truth: np.ndarray, found: np.ndarray) -> float:
    """Dice of two (H, W) bool masks; two empty masks agree fully."""
    areas = int(truth.sum()) + int(found.sum())
    return 2 * int((truth & found).sum()) / areas if areas else 1.0


def compare_masks(truth: np.ndarray, found: np.ndarray) -> Agreement:
    """Compare two (H, W) bool masks, the true one with at least one pixel; ValueError when it has none."""
    true_area, found_area = int(truth.sum()), int(found.sum())
    if not true_area:
        raise ValueError("the true mask is empty: there is nothing to agree with")
    both = int((truth & found).sum())
    return Agreement(
        dice=dice_of(truth, found),
        iou=both / (true_area + found_area - both),
        hd95=_hausdorff95(truth, found) / truth.shape[0],
        area_error=found_area / true_area - 1,
    )


def summarise(table: pd.DataFrame, seed: int, groups: str = "source") -> dict[str, Any]:
    """Mean, 5th and 95th percentile of each measure and the interval of its mean, over all images and by source.

    table: a row per image with columns patient, MEASURES and the column `groups`. Intervals (95 %) resample patients.
    """
    parts: Mapping[str, pd.DataFrame] = {"all": table, **dict(list(table.groupby(groups, sort=True)))}
    return {name: _describe(rows, seed) for name, rows in parts.items()}


def _describe(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    patients, patient_of = np.unique(rows["patient"].to_numpy(str), return_inverse=True)
    values = rows[list(MEASURES)].to_numpy(float)
    sums = np.stack([np.bincount(patient_of, column) for column in values.T])
    counts = np.bincount(patient_of)
    draws = np.concatenate(
        [(sums @ weights) / (counts @ weights) for weights in resampled_weights(len(patients), RESAMPLES, seed, 500)],
        axis=1,
    )
    described: dict[str, Any] = {"images": len(rows), "patients": len(patients)}
    for name, column, drawn in zip(MEASURES, values.T, draws, strict=True):
        interval = percentile_interval(drawn)
        low, high = np.percentile(column, [5, 95])
        described[name] = {
            **{"mean": float(column.mean()), "low": interval.low, "high": interval.high},
            **{"p05": float(low), "p95": float(high)},
        }
    return described


def agreement_line(summary: Mapping[str, Any], names: Sequence[str] = ("dice", "iou")) -> str:
    """`Dice 0.963 (0.961-0.965), 5th percentile 0.902; IoU ...` of one entry of a summary."""
    words = {"dice": "Dice", "iou": "IoU", "hd95": "HD95", "area_error": "area error"}
    return "; ".join(
        f"{words[name]} {one['mean']:.3f} ({one['low']:.3f}-{one['high']:.3f}), 5th percentile {one['p05']:.3f}"
        for name, one in ((name, summary[name]) for name in names)
    )


def _hausdorff95(truth: np.ndarray, found: np.ndarray) -> float:
    """95 % Hausdorff distance in pixels."""
    if not found.any():
        return float(np.hypot(*truth.shape))
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (truth, found)]
    distances = [ndimage.distance_transform_edt(~edge) for edge in edges]
    return float(max(np.percentile(distances[1][edges[0]], 95), np.percentile(distances[0][edges[1]], 95)))
