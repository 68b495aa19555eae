"""Labels and scores in, variance and interval of each AUROC by DeLong's formula out; images taken for independent.

The formula needs no resampling, but a patient's images are not independent: where patients have several, these
intervals are too narrow, and they stand beside those by patient only because papers report them. DeLong, DeLong and
Clarke-Pearson, Biometrics 1988, 44:837-845; by ranks, as in Sun and Xu, IEEE Signal Processing Letters 2014,
21:1389-1393.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

ASSUMPTION = "takes images for independent: too narrow where patients have several"


@dataclass(frozen=True, eq=False)
class DeLong:
    """AUROCs of M scores on the same images."""

    areas: np.ndarray
    """(M,) float64."""
    covariance: np.ndarray
    """(M, M) float64; NaN with fewer than two positives or negatives."""

    def intervals(self, level: float = 0.95) -> np.ndarray:
        """(M, 2) float64 bounds by the normal distribution, cut to [0, 1]."""
        half = norm.ppf((1 + level) / 2) * np.sqrt(np.diag(self.covariance))
        return np.clip(np.stack([self.areas - half, self.areas + half], axis=1), 0, 1)

    def difference(self, first: int, second: int) -> tuple[float, float, float]:
        """Area of one score minus that of another, its standard error, and the two-sided p of no difference.

        p is NaN where the standard error is 0, as for a score against itself.
        """
        step = np.zeros(len(self.areas))
        step[first] += 1
        step[second] -= 1
        value, error = float(step @ self.areas), float(np.sqrt(max(0.0, step @ self.covariance @ step)))
        return value, error, float(2 * norm.sf(abs(value) / error)) if error > 0 else np.nan


def delong(labels: np.ndarray, scores: np.ndarray) -> DeLong:
    """AUROC of each of M scores for one finding, and their covariance.

    Args:
        labels: (N,) float64 of 1, 0, and NaN where unknown; images without a label do not count.
        scores: (N, M) float64: several models, or one as (N, 1).
    """
    positives, negatives = scores[labels == 1], scores[labels == 0]
    m, n = len(positives), len(negatives)
    if m == 0 or n == 0:
        return DeLong(np.full(scores.shape[1], np.nan), np.full((scores.shape[1],) * 2, np.nan))
    everything = rankdata(np.concatenate([positives, negatives]), axis=0)  # ties share their mean rank
    beaten = (everything[:m] - rankdata(positives, axis=0)) / n  # share of negatives below each positive
    above = 1 - (everything[m:] - rankdata(negatives, axis=0)) / m  # share of positives above each negative
    covariance = np.full((scores.shape[1],) * 2, np.nan)
    if min(m, n) > 1:
        covariance = np.atleast_2d(np.cov(beaten, rowvar=False)) / m + np.atleast_2d(np.cov(above, rowvar=False)) / n
    return DeLong(beaten.mean(axis=0), covariance)
