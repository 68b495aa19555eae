"""Labels and probabilities of K findings in, K average precisions out."""

import numpy as np


def average_precision(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Average precision of each finding, as (K,) float64; NaN where there are no positives.

    The precision at each distinct score, weighted by the recall that the score adds; no interpolation, which is too
    kind (Davis and Goadrich, ICML 2006). scikit-learn's `average_precision_score` is the same number. A model that
    knows nothing reaches the prevalence, so that the values of two samples compare only where their prevalences do.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown; images without a label do not count for that finding.
        probabilities: (N, K) float64, any scale that orders the images.
    """
    found = [_one_precision(labels[:, k], probabilities[:, k]) for k in range(labels.shape[1])]
    return np.array(found, dtype=np.float64)


def _one_precision(labels: np.ndarray, probabilities: np.ndarray) -> float:
    known = ~np.isnan(labels)
    positive = labels[known] == 1
    if not positive.any():
        return np.nan
    _, place, counts = np.unique(-probabilities[known], return_inverse=True, return_counts=True)
    added = np.bincount(place, weights=positive)
    precision = np.cumsum(added) / np.cumsum(counts)
    return float((added * precision).sum() / positive.sum())
