"""Raw probabilities and the maps that calibrated them in; what fits to other labels of validation would have made of
them out.

A calibrated probability is wrong even where the map has the right form: its slope and intercept come from a sample. How
far they may be off is what the curvature of the fit says (`CalibrationMap.covariance`); lines drawn from that normal
distribution stand for fits to other samples of validation. Of a finding told nearly without error the slope errs
upwards, and flat lines, which the normal distribution would draw, no labels give: so its logarithm is drawn.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from cxr.evaluation.calibration_maps import Calibration, CalibrationMap, apply_map
from cxr.evaluation.logistic import logit

SURE = 2.0
"""A slope that is so many standard errors above 0 has a logarithm that is nearly normal."""
CELLS = 16
"""Images of a bin are taken together in so many groups of like logits: 25,596 sigmoids become 240."""


@dataclass(frozen=True, eq=False)
class AppliedMaps:
    """Which map made the calibrated probability of each of N images."""

    raw: np.ndarray
    """(N, K) float64."""
    fits: tuple[tuple[np.ndarray, Calibration], ...]
    """(N,) bool rows, and the maps that they were calibrated with; with folds, a pair each."""

    def refitted_sums(
        self, k: int, finding: str, known: np.ndarray, bin_of: np.ndarray, simulations: int, seed: int
    ) -> np.ndarray | None:
        """(S, M) sums over bins of finding k's probabilities, each from another fit; None where no fit knows its noise.

        Args:
            k: column of the finding.
            finding: its name.
            known: (N,) bool, the n images that count.
            bin_of: (n,) int, their bins.
            simulations: S.
            seed: of the fits.
        """
        maps = [(rows[known], calibration.findings[finding]) for rows, calibration in self.fits]
        if all(one.covariance is None for _, one in maps):
            return None
        random, raw = np.random.default_rng([seed, 1]), self.raw[known, k]
        bins = int(bin_of.max()) + 1
        return sum(_sums(one, raw[rows], bin_of[rows], bins, simulations, random) for rows, one in maps)


def _sums(
    one: CalibrationMap, raw: np.ndarray, bin_of: np.ndarray, bins: int, simulations: int, random: np.random.Generator
) -> np.ndarray:
    """(S, M), or (1, M) of a map whose noise is not known."""
    exact = np.bincount(bin_of, weights=apply_map(one, raw), minlength=bins)[None]
    if one.covariance is None:
        return exact
    slopes, intercepts = _lines(one, simulations, random)
    logits, images, owner = _cells(logit(raw), bin_of)
    chances = expit(slopes * logits + intercepts) * images
    sums = np.stack([chances[:, owner == b].sum(axis=1) for b in range(bins)], axis=1)
    return exact + sums[1:] - sums[:1]  # what grouping gets wrong it gets wrong of the fitted line as well


def _lines(one: CalibrationMap, simulations: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(1 + S, 1) slopes and intercepts: the fitted line, then S drawn ones."""
    fitted = [one.slope, one.intercept] if one.kind == "platt" else [one.slope]
    apart = random.multivariate_normal(np.zeros(len(fitted)), one.covariance, size=simulations)
    lines = np.vstack([fitted, fitted + apart])
    if one.slope > SURE * np.sqrt(one.covariance[0][0]):
        lines[1:, 0] = one.slope * np.exp(apart[:, 0] / one.slope)
    slopes = np.maximum(lines[:, :1], 0)  # a falling line is never used
    return slopes, lines[:, 1:] if one.kind == "platt" else np.zeros_like(slopes)


def _cells(logits: np.ndarray, bin_of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean logit, number of images and bin of each cell."""
    order = np.lexsort((logits, bin_of))
    sorted_bins = bin_of[order]
    sizes = np.bincount(bin_of)[sorted_bins]
    place = np.arange(len(order)) - np.searchsorted(sorted_bins, sorted_bins)
    cell = np.unique(sorted_bins * CELLS + place * CELLS // sizes, return_inverse=True)[1]
    images = np.bincount(cell)
    owner = sorted_bins[np.cumsum(images) - 1]
    return np.bincount(cell, weights=logits[order]) / images, images, owner
