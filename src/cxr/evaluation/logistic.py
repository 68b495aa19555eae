"""Logits and targets in, coefficients of an unregularised logistic regression out, and their draws over resamples."""

import numpy as np
from scipy.special import expit

from cxr.evaluation.resamples import Resamples

CLIP = 1e-7
"""Probabilities are kept so far from 0 and 1 before their logit is taken: about what a float32 sigmoid can tell."""
STEPS = 100
TOLERANCE = 1e-11


def logit(probabilities: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of float64 probabilities in [0, 1], of any shape; finite also at 0 and 1 (see CLIP)."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def fit_logistic(columns: np.ndarray, targets: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """Coefficients (D,) that minimise the log loss of expit(columns @ coefficients + offset), by Newton's method.

    The loss is convex; a step that does not lower it is halved. The caller sees to it that a minimum exists: targets
    strictly between 0 and 1, or labels that no line separates (`is_separable`).

    Args:
        columns: (N, D) float64; a column of ones is the intercept.
        targets: (N,) float64 in [0, 1].
        offset: added to the logit, its coefficient fixed at 1.
    """
    found = np.zeros(columns.shape[1])
    loss = _loss(columns @ found + offset, targets)
    for _ in range(STEPS):
        share = expit(columns @ found + offset)
        gradient = columns.T @ (share - targets)
        curvature = (columns * (share * (1 - share))[:, None]).T @ columns
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        scale = 1.0
        while _loss(columns @ (found - scale * step) + offset, targets) > loss and scale > 1e-8:
            scale /= 2
        found = found - scale * step
        loss = _loss(columns @ found + offset, targets)
        if np.abs(scale * step).max() <= TOLERANCE * (1 + np.abs(found).max()):
            break
    return found


def fit_covariance(columns: np.ndarray, found: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray | None:
    """(D, D) covariance of fitted coefficients, the inverse of the loss' curvature there; None where it has none.

    It takes images for independent.
    """
    share = expit(columns @ found + offset)
    curvature = (columns * (share * (1 - share))[:, None]).T @ columns
    if not np.linalg.cond(curvature) < 1 / np.finfo(float).eps:  # also NaN
        return None
    return np.linalg.inv(curvature)


def is_separable(scores: np.ndarray, labels: np.ndarray) -> bool:
    """Whether one cut parts (N,) scores by their labels 1 and 0, either way round: then no finite slope fits best."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    return bool(negatives.max() <= positives.min() or positives.max() <= negatives.min())


def draw_logistic(
    columns: np.ndarray, labels: np.ndarray, found: np.ndarray, resamples: Resamples, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """Coefficients in every resample, (B, D), by one Newton step from those of the sample; D is 1 or 2.

    One step is enough for an interval: what it leaves out is of the order of the step squared. NaN where a resample has
    no curvature. Images whose label is NaN do not count.
    """
    known = ~np.isnan(labels)
    share = expit(columns @ found + offset)
    score = np.where(known, labels - share, 0.0)[:, None] * columns
    size = columns.shape[1]
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)
    curvature = np.where(known, share * (1 - share), 0.0)[:, None] * products
    sums = resamples.sums(np.concatenate([score, curvature], axis=1))
    gradients, matrices = sums[:, :size], sums[:, size:].reshape(-1, size, size)
    if size == 1:
        steps = np.divide(gradients, matrices[:, 0], out=np.full(gradients.shape, np.nan), where=matrices[:, 0] > 0)
    else:
        determinant = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] ** 2
        usable = determinant > 1e-12 * matrices[:, 0, 0] * matrices[:, 1, 1]
        steps = np.full(gradients.shape, np.nan)
        steps[usable] = np.linalg.solve(matrices[usable], gradients[usable][:, :, None])[:, :, 0]
    return found + steps


def _loss(logits: np.ndarray, targets: np.ndarray) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).sum())
