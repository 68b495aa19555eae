"""Labels and probabilities of one finding in, what every possible threshold would call positive out."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Cuts:
    """Every way in which a threshold can part a sample, the highest threshold first; S distinct probabilities."""

    thresholds: np.ndarray
    """(S,) float64: half way to the next lower probability; 0 for the last, which calls every image positive."""
    tp: np.ndarray
    """(S,) int64: positives at or above each threshold."""
    fp: np.ndarray
    """(S,) int64: negatives at or above it."""
    positives: int
    """Of the sample."""
    negatives: int
    """Of the sample."""


def cut(labels: np.ndarray, probabilities: np.ndarray) -> Cuts:
    """Every cut of (N,) probabilities with (N,) labels of 1, 0, and NaN where unknown (left out)."""
    known = ~np.isnan(labels)
    positive = labels[known] == 1
    falling, place = np.unique(-probabilities[known], return_inverse=True)
    scores = -falling
    tp = np.cumsum(np.bincount(place, weights=positive, minlength=len(scores))).astype(np.int64)
    called = np.cumsum(np.bincount(place, minlength=len(scores)))
    lower = np.append(scores[1:], 0.0)
    middle = (scores + lower) / 2
    # Between neighbouring floats there is no half way: the probability itself still parts them.
    thresholds = np.where(middle > lower, middle, scores)
    if len(thresholds):
        thresholds[-1] = 0.0
    return Cuts(thresholds, tp, called - tp, int(positive.sum()), int((~positive).sum()))
