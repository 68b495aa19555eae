"""A number of patients in, bootstrap draws of them out; draws of a number in, its percentile interval out.

Patients are resampled, not images: the images of one patient are not independent, and an interval that takes them for
independent is too narrow (Efron and Tibshirani 1993, chapters 8 and 13: resample the independent unit; percentiles).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A percentile interval; `low` and `high` are None when no resample had a value."""

    low: float | None
    high: float | None
    left_out: int
    """Resamples without a value."""


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
