"""Labels, probabilities and patients in, bootstrap draws of each AUROC and their percentile intervals out.

Patients are resampled, not images: the images of one patient are not independent, and an interval that takes them for
independent is too narrow (Efron and Tibshirani 1993, chapters 8 and 13: resample the independent unit; percentiles).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

BLOCK_BYTES = 16_000_000  # of one (rows, resamples) float64 array; a handful live at once, whatever the sample's size


@dataclass(frozen=True)
class Interval:
    """A percentile interval; `low` and `high` are None when no resample had a value."""

    low: float | None
    high: float | None
    left_out: int
    """Resamples without a value."""


@dataclass(frozen=True, eq=False)
class _Counts:
    """One finding, reduced to what patient weights must multiply; G is the number of distinct positive scores."""

    positives: csr_matrix
    """(G, P): positives of each patient at each distinct positive score, lowest first."""
    negatives: csr_matrix
    """(G + 1, P): negatives from the score before up to this one; ties lie half in this row, half in the next."""


def bootstrap_auroc(
    labels: np.ndarray, probabilities: np.ndarray, patient_ids: np.ndarray, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """AUROC of each finding in each resample of the patients, as (resamples, K) float64.

    NaN where a resample has no positives or no negatives of a finding. The draws depend on the set of patients, not on
    the order of the rows, so two models measured on the same patients with one seed are measured on the same resamples.
    Memory is bounded by BLOCK_BYTES, time grows as resamples x images x K.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64.
        patient_ids: (N,) str.
        resamples: number of resamples, each of as many patients as there are, drawn with replacement.
        seed: of the draws.
    """
    patients, patient_of = np.unique(patient_ids, return_inverse=True)
    findings = range(labels.shape[1])
    counts = [_count(labels[:, k], probabilities[:, k], patient_of, len(patients)) for k in findings]
    rows = max([len(patients), *(count.negatives.shape[0] for count in counts)])
    block = max(1, min(resamples, BLOCK_BYTES // (8 * rows)))
    draws = np.empty((resamples, len(counts)))
    start = 0
    for weights in resampled_weights(len(patients), resamples, seed, block):
        stop = start + weights.shape[1]
        for k, count in enumerate(counts):
            draws[start:stop, k] = _weighted_auroc(count, weights)
        start = stop
    return draws


def resampled_weights(patients: int, resamples: int, seed: int, block: int) -> Iterator[np.ndarray]:
    """Blocks of (patients, <= block) float64: how often each patient is drawn in each resample.

    A column is one multinomial draw of `patients` out of `patients`, made by counting drawn indices (for many patients
    faster than a multinomial generator). The draws do not depend on `block`.
    """
    random = np.random.default_rng(seed)
    for start in range(0, resamples, block):
        weights = np.empty((patients, min(block, resamples - start)))
        for column in range(weights.shape[1]):
            weights[:, column] = np.bincount(random.integers(patients, size=patients), minlength=patients)
        yield weights


def percentile_interval(draws: np.ndarray, level: float = 0.95) -> Interval:
    """The central `level` of (B,) draws by percentiles; NaN draws are left out and counted."""
    kept = draws[~np.isnan(draws)]
    if len(kept) == 0:
        return Interval(None, None, len(draws))
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(draws) - len(kept))


def mean_draws(draws: np.ndarray) -> np.ndarray:
    """(B,) mean over the findings of (B, K) draws, each over the findings it has; NaN where it has none."""
    present = ~np.isnan(draws)
    total = np.where(present, draws, 0.0).sum(axis=1)
    return np.divide(total, present.sum(axis=1), out=np.full(len(draws), np.nan), where=present.any(axis=1))


def _count(labels: np.ndarray, probabilities: np.ndarray, patient_of: np.ndarray, patients: int) -> _Counts:
    """Sort once, so that every resample is two sparse products and a cumulative sum over the positive scores only."""
    positive, negative = labels == 1, labels == 0
    scores, positive_row = np.unique(probabilities[positive], return_inverse=True)
    below = np.searchsorted(scores, probabilities[negative], side="left")
    above = np.searchsorted(scores, probabilities[negative], side="right")  # below + 1 where tied, else equal
    halves = np.full(2 * len(below), 0.5)
    twice = np.tile(patient_of[negative], 2)
    size = len(scores)
    return _Counts(
        positives=csr_matrix((np.ones(positive.sum()), (positive_row, patient_of[positive])), shape=(size, patients)),
        negatives=csr_matrix((halves, (np.concatenate([below, above]), twice)), shape=(size + 1, patients)),
    )


def _weighted_auroc(count: _Counts, weights: np.ndarray) -> np.ndarray:
    """(b,) AUROC under (P, b) patient weights. All sums are of halves below 2**53, hence exact in any order."""
    positives = count.positives @ weights
    beaten = np.cumsum(count.negatives @ weights, axis=0)  # row g: negatives below positive score g, plus half the ties
    wins = np.einsum("gb,gb->b", positives, beaten[:-1])
    pairs = positives.sum(axis=0) * beaten[-1]
    return np.divide(wins, pairs, out=np.full(weights.shape[1], np.nan), where=pairs > 0)
