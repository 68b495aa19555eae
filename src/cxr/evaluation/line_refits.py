"""The logits of validation and the line fitted to them in, lines that other labels would have given out.

The curvature of the fit says how far slope and intercept may be off only where both are nearly normal. Where a finding
is told nearly without error they are not: slopes then err upwards, and a normal distribution also draws flat ones that
no labels would give. So labels are drawn from the fitted line, and each draw is fitted again.
"""

import numpy as np
from scipy.special import expit

CELLS = 64
"""Images of validation are taken together in so many groups of like logits."""
STEPS = 20
FARTHEST = 0.5
"""A step changes the slope by no more than this share of the fitted one: Newton's own may run past the best line."""
LEAST = 1e-12
"""Below it a curvature or a step is none."""

Cells = list[tuple[float, int]]


def group_logits(logits: np.ndarray, chances: np.ndarray) -> Cells:
    """Mean logit and number of images of at most CELLS groups of (N,) logits with (N,) fitted probabilities, rising.

    A group holds as large a share of the images and of what they tell about the line, p (1 - p), as any other.
    """
    order = np.argsort(logits, kind="stable")
    told = (chances * (1 - chances))[order]
    shares = np.cumsum(told / told.sum() + 1 / len(told)) / 2
    cell = np.unique(np.minimum((shares * CELLS).astype(int), CELLS - 1), return_inverse=True)[1]
    images = np.bincount(cell)
    means = np.bincount(cell, weights=logits[order]) / images
    return [(float(mean), int(count)) for mean, count in zip(means, images, strict=True)]


def refit_lines(
    cells: Cells, slope: float, intercept: float | None, simulations: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(S,) slopes and (S,) intercepts, each fitted to labels drawn from the line given; an intercept of None stays 0.

    By Newton's method from that line. Where a cut parts the drawn labels without error no finite slope fits best; they
    are drawn in to Platt's targets, as in the fit itself.
    """
    x, images = np.array(cells).T
    hits = random.binomial(images.astype(int), expit(slope * x + (intercept or 0.0)), size=(simulations, len(x)))
    targets = _drawn_in(hits, images)
    slopes, intercepts = np.full(simulations, slope), np.full(simulations, intercept or 0.0)
    for _ in range(STEPS):
        share = expit(slopes[:, None] * x + intercepts[:, None])
        left, told = targets - images * share, images * share * (1 - share)
        by_slope, mixed, by_level = (told * x * x).sum(axis=1), (told * x).sum(axis=1), told.sum(axis=1)
        along, level = (left * x).sum(axis=1), left.sum(axis=1)
        if intercept is None:
            mixed, level, by_level = np.zeros_like(mixed), np.zeros_like(level), np.ones_like(by_level)
        determinant = np.maximum(by_slope * by_level - mixed**2, LEAST)
        step = (by_level * along - mixed * level) / determinant
        scale = np.minimum(1, FARTHEST * slope / np.maximum(np.abs(step), LEAST))
        slopes += scale * step
        intercepts += scale * (by_slope * level - mixed * along) / determinant
    return slopes, intercepts


def _drawn_in(hits: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(S, C) positives of each cell; where all positives lie above all negatives, sums of Platt's targets."""
    positives = hits.sum(axis=1, keepdims=True)
    negatives = images.sum() - positives
    highest_negative = hits.shape[1] - 1 - np.argmax((hits < images)[:, ::-1], axis=1)
    parted = (highest_negative < np.argmax(hits > 0, axis=1))[:, None]
    return np.where(parted, hits * (positives + 1) / (positives + 2) + (images - hits) / (negatives + 2), hits)
