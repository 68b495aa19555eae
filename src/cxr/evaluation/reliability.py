"""Labels and probabilities of one finding in; reliability curve, ECE and the Brier score with its parts out.

Bins hold equally many images (equal width leaves most bins of a rare finding empty), and images of one probability are
never parted. The bins of the sample stay those of every resample.
"""

from dataclasses import dataclass

import numpy as np

from cxr.evaluation.resamples import Resamples

FEWEST_IMAGES = 10
"""Images of a bin, on average: small samples have fewer bins."""
SCORES = ("brier", "ece", "reliability", "resolution", "uncertainty", "within_bins")


@dataclass(frozen=True, eq=False)
class Reliability:
    """How probabilities and labels of one finding agree, in M bins and in B resamples."""

    images: np.ndarray
    """(M,) int: images of each bin, lowest probabilities first."""
    positives: np.ndarray
    """(M,) int."""
    means: np.ndarray
    """(M,) float64: mean probability."""
    rate_draws: np.ndarray
    """(B, M) float64: observed rate in each resample, NaN where a bin is empty."""
    values: dict[str, float]
    """SCORES of the sample; NaN without images."""
    draws: dict[str, np.ndarray]
    """SCORES -> (B,) float64."""


def assign_bins(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """(N,) int: the bin of each of (N,) probabilities, from 0 without gaps; at most `bins`, fewer with few images.

    A probability's bin is that of its middle rank, so that ties share one.
    """
    count = min(bins, max(1, len(probabilities) // FEWEST_IMAGES))
    _, place, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.unique((count * middle[place] / max(1, len(probabilities))).astype(int), return_inverse=True)[1]


def measure_reliability(labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples, bins: int) -> Reliability:
    """Measure one finding; images whose label is NaN do not count.

    Args:
        labels: (N,) float64 of 1, 0 and NaN.
        probabilities: (N,) float64 in [0, 1].
        resamples: of the patients of the N images.
        bins: at most so many.
    """
    known = ~np.isnan(labels)
    bin_of = assign_bins(probabilities[known], bins)
    size = int(bin_of.max()) + 1 if known.any() else 0
    rows = np.flatnonzero(known)
    columns = np.zeros((len(labels), 3 * size + 1))  # per bin images, probabilities and positives; squared errors
    columns[rows, bin_of] = 1
    columns[rows, size + bin_of] = probabilities[known]
    columns[rows, 2 * size + bin_of] = labels[known]
    columns[rows, -1] = (probabilities[known] - labels[known]) ** 2
    values = _scores(columns.sum(axis=0, keepdims=True))
    sums = resamples.sums(columns)
    images, chances, positives = columns[:, :-1].sum(axis=0).reshape(3, size)
    drawn, _, hits = np.moveaxis(sums[:, :-1].reshape(len(sums), 3, size), 1, 0)
    return Reliability(
        images=images.astype(int),
        positives=positives.astype(int),
        means=chances / images,
        rate_draws=np.divide(hits, drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0),
        values={score: float(value[0]) for score, value in values.items()},
        draws=_scores(sums),
    )


def _scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    """SCORES of (B, 3 M + 1) sums as (B,) float64.

    Brier = reliability - resolution + uncertainty + within_bins (Murphy, J. Appl. Meteor. 1973, 12:595-600). The last
    part is what probabilities vary inside bins, less twice their covariance with the labels there (Stephenson, Coelho
    and Jolliffe, Weather and Forecasting 2008, 23:752-757); it is 0 where a bin has one probability only.
    ECE: mean over images of |mean probability - observed rate| of their bin (Naeini, AAAI 2015).
    """
    images, chances, positives = np.moveaxis(sums[:, :-1].reshape(len(sums), 3, sums.shape[1] // 3), 1, 0)
    total = images.sum(axis=1)

    def mean(amounts: np.ndarray) -> np.ndarray:
        return np.divide(amounts, total, out=np.full(len(total), np.nan), where=total > 0)

    filled = np.maximum(images, 1)
    rate = mean(positives.sum(axis=1))
    brier = mean(sums[:, -1])
    reliability = mean(((chances - positives) ** 2 / filled).sum(axis=1))
    resolution = mean((images * (positives / filled - rate[:, None]) ** 2).sum(axis=1))
    uncertainty = rate * (1 - rate)
    return {
        "brier": brier,
        "ece": mean(np.abs(chances - positives).sum(axis=1)),
        "reliability": reliability,
        "resolution": resolution,
        "uncertainty": uncertainty,
        "within_bins": brier - reliability + resolution - uncertainty,
    }
