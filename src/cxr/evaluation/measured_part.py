"""Predictions of one split part in, its block of metrics.json out: images, patients, AUROC with intervals."""

from typing import Any

import numpy as np

from cxr.evaluation.auroc import auroc
from cxr.evaluation.intervals import Interval, bootstrap_auroc, mean_draws, percentile_interval
from cxr.evaluation.predictions import Predictions

NO_INTERVAL = Interval(None, None, 0)


def measure_part(part: Predictions, name: str, resamples: int, seed: int, level: float) -> dict[str, Any]:
    """Return {"images", "patients", "auroc": {"mean": {...}, "<finding>": {...}}} of a part of N >= 0 images.

    Each entry has "value", "low", "high" (null where there is none, then with a "reason" that names the part) and
    "resamples_left_out"; the mean adds the number of "findings" it is over, a finding adds "positives", "negatives",
    "unknown", "uncertain" (images) and "patients_with" (patients with a positive image).
    """
    labels, patients = part.labels, len(np.unique(part.patient_ids))
    values = auroc(labels, part.probabilities)
    draws = None
    if patients > 1:  # resamples of one patient are all alike
        draws = bootstrap_auroc(labels, part.probabilities, part.patient_ids, resamples, seed)
    entries = {"mean": _mean_entry(values, draws, name, level)}
    for k, finding in enumerate(part.findings):
        entries[finding] = _finding_entry(part, k, values[k], None if draws is None else draws[:, k], name, level)
    return {"images": len(part.image_ids), "patients": patients, "auroc": entries}


def _mean_entry(values: np.ndarray, draws: np.ndarray | None, name: str, level: float) -> dict[str, Any]:
    """Mean over the findings that have an AUROC in the sample itself; a resample may have fewer of them."""
    present = ~np.isnan(values)
    if not present.any():
        entry = _entry(None, NO_INTERVAL, f"no finding has positives and negatives in {name}")
    elif draws is None:
        entry = _entry(values[present].mean(), NO_INTERVAL, f"one patient in {name}: no interval")
    else:
        entry = _entry(values[present].mean(), percentile_interval(mean_draws(draws[:, present]), level))
    return entry | {"findings": int(present.sum())}


def _finding_entry(
    part: Predictions, k: int, value: float, draws: np.ndarray | None, name: str, level: float
) -> dict[str, Any]:
    codes = part.label_codes[:, k]
    positive, negative = codes == 1, codes == 0
    with_positives, with_negatives = (len(np.unique(part.patient_ids[rows])) for rows in (positive, negative))
    if with_positives == 0 or with_negatives == 0:
        missing = "images" if len(codes) == 0 else "positives" if with_positives == 0 else "negatives"
        entry = _entry(None, NO_INTERVAL, f"no {missing} in {name}")
    elif draws is None:
        entry = _entry(value, NO_INTERVAL, f"one patient in {name}: no interval")
    elif min(with_positives, with_negatives) == 1:
        # Every usable resample holds this patient: the interval would be narrow and about nobody else.
        kind = "positives" if with_positives == 1 else "negatives"
        entry = _entry(value, NO_INTERVAL, f"{kind} of one patient only in {name}: no interval")
    else:
        entry = _entry(value, percentile_interval(draws, level))
    return entry | {
        "positives": int(positive.sum()),
        "negatives": int(negative.sum()),
        "unknown": int(part.unknown_counts[k]),
        "uncertain": int(part.uncertain_counts[k]),
        "patients_with": with_positives,
    }


def _entry(value: float | None, interval: Interval, reason: str | None = None) -> dict[str, Any]:
    entry = {
        "value": None if value is None else float(value),
        "low": interval.low,
        "high": interval.high,
        "resamples_left_out": interval.left_out,
    }
    return entry if reason is None else entry | {"reason": reason}
