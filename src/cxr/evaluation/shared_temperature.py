"""Softmax probabilities and the right answers in, the one slope of their logarithms that fits best out."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

from cxr.evaluation.logistic import CLIP

STEEPEST = 1e3
"""No slope above this is believed: the answers are then all right."""


def fit_slope(probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """One over the temperature that minimises the cross-entropy of softmax(slope x log p) (Guo et al. 2017, 4.2).

    The loss is convex in the slope, so its gradient rises and has one zero; None where that is not between 0 and
    STEEPEST.

    Args:
        probabilities: (N, K) float64, rows sum to 1.
        labels: (N, K) bool, one True per row.
    """
    logs = np.log(np.clip(probabilities, CLIP, 1))

    def gradient(slope: float) -> float:
        return float(((softmax(slope * logs, axis=1) * logs).sum(axis=1) - logs[labels]).mean())

    if gradient(0.0) >= 0 or gradient(STEEPEST) <= 0:
        return None
    return float(brentq(gradient, 0.0, STEEPEST, xtol=1e-14))
