"""Labels and probabilities of K findings in, K areas under the ROC curve out."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def auroc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each finding, as (K,) float64; NaN where there are no positives or no negatives.

    The area is the chance that a random positive image scores above a random negative one, ties counting half: the
    Mann-Whitney U statistic over the number of pairs (Hanley and McNeil, Radiology 1982, 143:29-36).

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown; images without a label do not count for that finding.
        probabilities: (N, K) float64, any scale that orders the images.
    """
    return np.array([_one_auroc(labels[:, k], probabilities[:, k]) for k in range(labels.shape[1])], dtype=np.float64)


def unscored(findings: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return the findings without a positive or without a negative, which have no area; labels (N, K) as above."""
    columns = zip(findings, labels.T, strict=True)
    return [name for name, column in columns if not ((column == 1).any() and (column == 0).any())]


def _one_auroc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    known = ~np.isnan(labels)
    positive = labels[known] == 1
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return np.nan
    ranks = rankdata(probabilities[known])  # ties share their mean rank
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))
