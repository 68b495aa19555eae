"""Validation predictions in, a map per finding from raw to calibrated probability out.

Platt (Advances in Large Margin Classifiers, 1999) fits a line to the logit, temperature scaling (Guo et al., ICML 2017)
a slope only, isotonic regression (Zadrozny and Elkan, KDD 2002) a staircase. Every map rises, or it is not used: order,
and with it AUROC, belongs to the raw probabilities.
"""

from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from cxr.config.evaluation import Calibrator
from cxr.config.record import hash_of_ids
from cxr.evaluation.calibration_maps import Calibration, CalibrationMap
from cxr.evaluation.logistic import fit_covariance, fit_logistic, is_separable, logit
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.shared_temperature import fit_slope

MIN_IMAGES, MIN_PATIENTS = 10, 5
"""Of positives and of negatives each, before a finding is calibrated."""


def fit_calibration(val: Predictions, method: Calibrator, single: bool = False) -> Calibration:
    """Fit every finding's map to the validation part of a group's average; unknown and uncertain labels are left out.

    A finding with fewer than MIN_IMAGES positives or negatives, or of fewer than MIN_PATIENTS patients, one whose
    probabilities are all alike, or fall where positives are more frequent, stays as it is and says why.

    single: every image has exactly one finding (softmax). Temperature is then one for all findings and the outputs
    still sum to 1; platt and isotonic ask about each finding by itself, and their outputs need not.
    """
    shared = single and method == "temperature"
    fits = _fit_shared(val) if shared else {f: _fit_one(val, k, method) for k, f in enumerate(val.findings)}
    return Calibration(method=method, images=len(val.image_ids), images_hash=hash_of_ids(val.image_ids), findings=fits)


def _fit_one(val: Predictions, k: int, method: Calibrator) -> CalibrationMap:
    labels = val.labels[:, k]
    known = ~np.isnan(labels)
    y, raw, patients = labels[known], val.probabilities[known, k], val.patient_ids[known]
    counts = {"positives": int((y == 1).sum()), "negatives": int((y == 0).sum())}
    if method == "none":
        return CalibrationMap(kind="none", **counts)
    reason = _too_few(y, patients) or ("all probabilities in val are alike" if np.ptp(logit(raw)) == 0 else None)
    if reason is None:
        fitted = _fit_isotonic(raw, y) if method == "isotonic" else _fit_line(raw, y, method == "platt")
        if fitted is not None:
            return CalibrationMap(kind=method, **fitted, **counts)
        reason = "in val, images with higher probabilities are positive less often"
    return CalibrationMap(kind="none", reason=reason, **counts)


def _too_few(labels: np.ndarray, patients: np.ndarray) -> str | None:
    for kind, code in (("positives", 1), ("negatives", 0)):
        images, owners = int((labels == code).sum()), len(np.unique(patients[labels == code]))
        if images < MIN_IMAGES or owners < MIN_PATIENTS:
            return f"{images} {kind} of {owners} patients in val; a fit needs {MIN_IMAGES} of {MIN_PATIENTS} patients"
    return None


def _fit_line(raw: np.ndarray, labels: np.ndarray, with_intercept: bool) -> dict[str, Any] | None:
    """Slope (and intercept) of the logit; None where the slope would not be positive."""
    x = logit(raw)
    columns = np.stack([x, np.ones_like(x)], axis=1)[:, : 2 if with_intercept else 1]
    side = np.where(labels == 1, x, -x)  # without an intercept the only cut is at 0
    smoothed = is_separable(x, labels) if with_intercept else bool((side >= 0).all() or (side <= 0).all())
    found = fit_logistic(columns, _drawn_in(labels) if smoothed else labels)
    if found[0] <= 0:
        return None
    covariance = fit_covariance(columns, found)
    line = {"slope": float(found[0]), "smoothed": smoothed}
    line |= {"covariance": None if covariance is None else covariance.tolist()}
    return line | {"intercept": float(found[1])} if with_intercept else line


def _drawn_in(labels: np.ndarray) -> np.ndarray:
    """Platt's targets: what a uniform prior makes of n labels that are all alike (section 2.2)."""
    positives, negatives = (labels == 1).sum(), (labels == 0).sum()
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _fit_isotonic(raw: np.ndarray, labels: np.ndarray) -> dict[str, Any] | None:
    """Breakpoints of the least-squares staircase; None where it is one level."""
    x, place, counts = np.unique(raw, return_inverse=True, return_counts=True)
    y = np.clip(isotonic_regression(np.bincount(place, weights=labels) / counts, weights=counts).x, 0, 1)
    if y[0] == y[-1]:
        return None
    corner = np.r_[True, (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:]), True]  # inside a level nothing need be kept
    return {"x": x[corner].tolist(), "y": np.maximum.accumulate(y[corner]).tolist()}


def _fit_shared(val: Predictions) -> dict[str, CalibrationMap]:
    chosen = (val.labels == 1).sum(axis=1) == 1
    labels, patients = val.labels[chosen] == 1, val.patient_ids[chosen]
    counts = [{"positives": int(n), "negatives": int(len(labels) - n)} for n in labels.sum(axis=0)]
    fitted: dict[str, Any]
    if len(labels) < MIN_IMAGES or len(np.unique(patients)) < MIN_PATIENTS:
        reason = f"{len(labels)} labelled images in val; a fit needs {MIN_IMAGES} of {MIN_PATIENTS} patients"
        fitted = {"kind": "none", "reason": reason}
    elif (slope := fit_slope(val.probabilities[chosen], labels)) is None:
        fitted = {
            "kind": "none",
            "reason": "no temperature fits val best: all answers are right, or too many wrong",
        }
    else:
        fitted = {"kind": "shared_temperature", "slope": slope}
    return {finding: CalibrationMap(**fitted, **counts[k]) for k, finding in enumerate(val.findings)}
