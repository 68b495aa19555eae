"""Labels, probabilities and resamples in; ROC and precision-recall curves with pointwise bands over patients, out.

Bands are for looking: each resample's curve is read at a coarse grid, so that the work is bounded whatever the sample.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from cxr.evaluation.cuts import cut
from cxr.evaluation.estimates import support_reasons
from cxr.evaluation.resamples import Resamples

GRID = np.linspace(0, 1, 101)
"""False positive rates, and recalls, at which the bands are given."""
MOST_CUTS = 400
"""Thresholds that the resamples are cut at; a curve of fewer points than this is taken whole."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One finding's curves; rates of the sample at every threshold, highest first, and bands on GRID."""

    false_positive_rate: np.ndarray
    """(S + 1,) float64, from 0 to 1."""
    sensitivity: np.ndarray
    """(S + 1,) float64, from 0 to 1; also the recall."""
    precision: np.ndarray
    """(S + 1,) float64; the first is that of the highest threshold once more: nothing is called before it."""
    prevalence: float
    sensitivity_band: np.ndarray | None
    """(2, len(GRID)): low and high of the sensitivity at each false positive rate; None where intervals are refused."""
    precision_band: np.ndarray | None
    """(2, len(GRID)): low and high of the precision where the recall first reaches each grid value."""


def draw_curves(
    labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples, level: float
) -> list[Curve | None]:
    """The curves of each finding; None where positives or negatives are missing.

    Between the points of a ROC curve the band is linear; precision is not interpolated (Davis and Goadrich, ICML 2006).
    A finding whose positives or negatives are all of one patient has no band, as it has no interval of its AUROC.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown (left out).
        probabilities: (N, K) float64, any scale that orders the images.
        resamples: of the patients of the N images; a few hundred are enough to look at.
        level: of the bands, for each point by itself.
    """
    reasons = support_reasons(resamples, "the part", positives=labels == 1, negatives=labels == 0)
    return [
        _draw_curve(labels[:, k], probabilities[:, k], resamples, level, reasons[k] is None)
        for k in range(labels.shape[1])
    ]


def _draw_curve(
    labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples, level: float, banded: bool
) -> Curve | None:
    cuts = cut(labels, probabilities)
    if cuts.positives == 0 or cuts.negatives == 0:
        return None
    precision = cuts.tp / (cuts.tp + cuts.fp)
    bands = _bands(labels, probabilities, cuts.thresholds, resamples, level) if banded else (None, None)
    return Curve(
        np.append(0, cuts.fp) / cuts.negatives,
        np.append(0, cuts.tp) / cuts.positives,
        np.append(precision[0], precision),
        cuts.positives / (cuts.positives + cuts.negatives),
        *bands,
    )


def _bands(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, resamples: Resamples, level: float
) -> tuple[np.ndarray, np.ndarray]:
    rows = np.unique(np.linspace(0, len(thresholds) - 1, min(MOST_CUTS, len(thresholds))).round().astype(int))
    weights = resamples.weights.T.astype(np.float64)
    hits = _called(labels == 1, probabilities, thresholds[rows], resamples) @ weights
    alarms = _called(labels == 0, probabilities, thresholds[rows], resamples) @ weights
    hits, alarms = np.cumsum(hits, axis=0), np.cumsum(alarms, axis=0)
    usable = (hits[-1] > 0) & (alarms[-1] > 0)
    sensitivities, precisions = np.full((2, int(usable.sum()), len(GRID)), np.nan)
    for row, draw in enumerate(np.flatnonzero(usable)):
        hit, alarm = np.append(0, hits[:, draw]), np.append(0, alarms[:, draw])
        # Where a rate repeats, numpy comes from its first sensitivity and goes on from its last: a vertical rise.
        sensitivities[row] = np.interp(GRID, alarm / alarm[-1], hit / hit[-1])
        first = np.argmax(hit + alarm > 0)  # above it the resample has no image
        reached = np.maximum(first, np.searchsorted(hit, GRID * hit[-1] - 1e-9))
        precisions[row] = hit[reached] / (hit[reached] + alarm[reached])
    bounds = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(sensitivities, bounds, axis=0), np.quantile(precisions, bounds, axis=0)


def _called(chosen: np.ndarray, probabilities: np.ndarray, falling: np.ndarray, resamples: Resamples) -> csr_matrix:
    """(T, P): images of each patient from one threshold up to below the one before; the last threshold takes all."""
    place = np.searchsorted(-falling, -probabilities[chosen], side="left")
    shape = (len(falling), resamples.patients)
    return csr_matrix((np.ones(len(place)), (place, resamples.patient_of[chosen])), shape=shape)
