"""Training targets in, the weights of presence and absence of each finding out, and what is to be said of them."""

from collections.abc import Mapping, Sequence

import numpy as np


def label_weights(
    targets: np.ndarray, findings: Sequence[str], weighting: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return weights (K,) of presence, (K,) of absence, and a sentence for each finding that cannot be weighted.

    targets: (m, K) in [0, 1] or NaN, of the images that are trained on; a target of 0.7 counts as 0.7 images with the
    finding and 0.3 without. weighting: "frequency", the share of images without and the share with it (Rajpurkar et
    al. 2017, CheXNet), or "neg_pos", their ratio and 1. A finding that all its images have, or none, keeps
    weights of 1: the share of 0 would switch it off, and the ratio has no value.
    """
    known = ~np.isnan(targets)
    with_it = np.where(known, targets, 0).sum(axis=0, dtype=np.float64)
    without = known.sum(axis=0) - with_it
    usable = (with_it > 0) & (without > 0)
    numerator, denominator = (without, with_it) if weighting == "neg_pos" else (without, with_it + without)
    positive = np.divide(numerator, denominator, out=np.ones_like(with_it), where=usable)
    negative = np.where(usable & (weighting == "frequency"), 1 - positive, 1.0)
    notes = [
        f"training.loss: {name} keeps weights of 1, for no training image is known to {_what(having)} it"
        for name, fine, having in zip(findings, usable, with_it, strict=True)
        if not fine
    ]
    return positive, negative, notes


def given_weights(weights: Mapping[str, float], findings: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (K,) of presence as the user gave them, 1 for findings not named, and (K,) ones of absence."""
    return np.array([weights.get(name, 1.0) for name in findings]), np.ones(len(findings))


def _what(having: float) -> str:
    return "be without" if having else "have"
