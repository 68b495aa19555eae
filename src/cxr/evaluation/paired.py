"""Draws of differences in, two-sided p by the bootstrap out; several p in, adjusted by Holm out."""

import numpy as np
from scipy.stats import norm

FEWEST_COUNTED = 10
"""Draws on the smaller side, below which their share says too little."""


def bootstrap_p(draws: np.ndarray) -> np.ndarray:
    """(K,) two-sided p of no difference, from (B, K) draws of K differences; NaN draws do not count.

    Twice the smaller share of draws on one side of 0, which fits the percentile interval: p falls below 0.05 where the
    95 % interval leaves 0 out. The sample itself counts as one more draw on either side (Davison and Hinkley 1997, eq.
    4.11). Counting cannot go below 2 / (B + 1), which adjusting for dozens of findings lifts above any level: where
    fewer than FEWEST_COUNTED draws lie on that side, p is the tail of a normal distribution with the draws' mean and
    standard deviation, if that is smaller. NaN where no draw counts.
    """
    present = ~np.isnan(draws)
    count = present.sum(axis=0)
    with np.errstate(invalid="ignore"):
        smaller = np.minimum((draws <= 0).sum(axis=0), (draws >= 0).sum(axis=0))
    counted = np.minimum(1.0, 2 * (smaller + 1) / (count + 1))
    mean = np.where(present, draws, 0).sum(axis=0) / np.maximum(count, 1)
    variance = (np.where(present, draws - mean, 0) ** 2).sum(axis=0) / np.maximum(count - 1, 1)
    distance = np.divide(np.abs(mean), np.sqrt(variance), out=np.zeros_like(mean), where=variance > 0)
    p = np.where(smaller < FEWEST_COUNTED, np.minimum(counted, 2 * norm.sf(distance)), counted)
    return np.where(count > 0, p, np.nan)


def holm(p: np.ndarray) -> np.ndarray:
    """p of one family, of any shape, adjusted for their number (Holm, Scand J Stat 1979, 6:65-70); NaN stay NaN.

    The smallest is multiplied by how many there are, the next by one less, ...; none falls below the one before.
    """
    found = np.full(p.shape, np.nan)
    places = np.flatnonzero(~np.isnan(p))
    order = places[np.argsort(p.flat[places], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    found.flat[order] = np.minimum(1.0, np.maximum.accumulate(p.flat[order] * factors))
    return found
