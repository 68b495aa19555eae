"""Labels, probabilities and resamples in; AUROC and average precision of every resample out.

Each finding is sorted once. Of a resample only the patients' weights change, so that both areas are two sparse products
and cumulative sums over the distinct positive scores: 2,000 resamples cost about as much as a few dozen sorts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from cxr.evaluation.resamples import Resamples


@dataclass(frozen=True, eq=False)
class _Sorted:
    """One finding, reduced to what patient weights must multiply; G distinct positive scores, highest first."""

    positives: csr_matrix
    """(G, P): positives of each patient at each of the scores."""
    negatives: csr_matrix
    """(G, P): negatives from this score up to below the one before."""
    ties: csr_matrix | None
    """(G, P): negatives that have this very score; None where there are none."""
    all_negatives: np.ndarray
    """(P,): negatives of each patient, also those below every positive."""


def bootstrap_ranking(
    labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples, precision: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision of each finding in each resample, both (B, K) float64.

    NaN where a resample has no positives or no negatives of a finding (average precision: no positives). Memory is
    bounded by the resamples' BLOCK_BYTES; time grows as B x images x K.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64.
        resamples: of the patients of the N images.
        precision: whether average precision is wanted; without it the second array is all NaN.
    """
    findings = labels.shape[1]
    areas, precisions = np.full((2, resamples.count, findings), np.nan)
    for k in range(findings):
        found = _sort(labels[:, k], probabilities[:, k], resamples.patient_of, resamples.patients)
        if found.positives.shape[0] == 0:
            continue
        for block, weights in resamples.blocks(found.positives.shape[0]):
            areas[block, k], precisions[block, k] = _measure(found, weights, precision)
    return areas, precisions


def pooled_ranking(labels: np.ndarray, probabilities: np.ndarray, resamples: Resamples) -> np.ndarray:
    """(B,) micro AUROC: all findings in one list of N x K answers, of those whose label is known."""
    owners = resamples.repeated(labels.shape[1])
    return bootstrap_ranking(labels.reshape(-1, 1), probabilities.reshape(-1, 1), owners, precision=False)[0][:, 0]


def _sort(labels: np.ndarray, probabilities: np.ndarray, patient_of: np.ndarray, patients: int) -> _Sorted:
    positive, negative = labels == 1, labels == 0
    scores, row = np.unique(-probabilities[positive], return_inverse=True)  # ascending in the negative: highest first
    shape = (len(scores), patients)
    beside, owner = -probabilities[negative], patient_of[negative]
    place = np.searchsorted(scores, beside, side="left")
    reached = place < len(scores)  # the others lie below every positive
    tied = reached.copy()
    tied[reached] = scores[place[reached]] == beside[reached]
    return _Sorted(
        positives=_counts(row, patient_of[positive], shape),
        negatives=_counts(place[reached], owner[reached], shape),
        ties=_counts(place[tied], owner[tied], shape) if tied.any() else None,
        all_negatives=np.bincount(owner, minlength=patients).astype(np.float64),
    )


def _counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)


def _measure(found: _Sorted, weights: np.ndarray, precision: bool) -> tuple[np.ndarray, np.ndarray]:
    """(b,) AUROC and average precision under (P, b) patient weights.

    All sums but those of precisions are of halves below 2**53, hence exact in any order. AUROC: Mann-Whitney's U, ties
    half. Average precision: precision at each score, weighted by the recall that it adds (scikit-learn's definition).
    """
    positives = found.positives @ weights
    above = np.cumsum(found.negatives @ weights, axis=0)  # row g: negatives with at least positive score g
    hits, rejected = positives.sum(axis=0), found.all_negatives @ weights
    lost = np.einsum("gb,gb->b", positives, above)
    if found.ties is not None:
        lost -= 0.5 * np.einsum("gb,gb->b", positives, found.ties @ weights)
    pairs = hits * rejected
    area = np.divide(pairs - lost, pairs, out=np.full(len(hits), np.nan), where=pairs > 0)
    if not precision:
        return area, np.full(len(hits), np.nan)
    retrieved = np.cumsum(positives, axis=0)
    above += retrieved
    np.maximum(above, 1, out=above)  # nothing above: no positive either, and the term is 0
    retrieved /= above
    gained = np.einsum("gb,gb->b", positives, retrieved)
    return area, np.divide(gained, hits, out=np.full(len(hits), np.nan), where=hits > 0)
