"""Labels, probabilities and thresholds in, the `operating_point` entries of metrics.json out: counts and rates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr.evaluation.confusion import CELLS, RATES, confuse, estimate_rates, estimate_total
from cxr.evaluation.estimates import Estimate
from cxr.evaluation.resamples import Resamples

TOTALS = {"accuracy": "accuracy", "precision": "ppv", "recall": "sensitivity", "f1": "f1"}
"""Rates of all findings together, by the names that readers of such tables expect."""


def measure_operation(
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    findings: Sequence[str],
    missing: Sequence[str | None],
    resamples: Resamples,
    name: str,
    level: float,
) -> tuple[dict[str, Any], dict[str, Estimate]]:
    """{"micro", "macro", "mean", "findings"} with intervals, the thresholds held fixed; and the estimates of each rate.

    `micro` counts all findings' decisions in one heap, `macro` is the mean over the findings that have the rate,
    `mean` the same of every rate by its own name. A finding has `threshold` (null where there is none or, with folds,
    several), `without_threshold` (labelled images that have none and are left out), its four counts and every rate;
    without threshold each rate says why.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64.
        thresholds: (N, K) float64, NaN where there is none.
        findings: K names.
        missing: K reasons for having no threshold.
        resamples: of the patients.
        name: of the part, for the reasons.
        level: of the intervals.
    """
    confusion = confuse(labels, probabilities, thresholds)
    rates = estimate_rates(confusion, resamples, name)
    total = estimate_total(confusion, resamples, name)
    without = np.isnan(thresholds).all(axis=0)
    for rate, estimate in rates.items():
        reasons = ((without[k] and missing[k]) or reason for k, reason in enumerate(estimate.reasons))
        rates[rate] = Estimate(estimate.values, estimate.draws, tuple(reasons))
    counts, entries = confusion.counts, {}
    for k, finding in enumerate(findings):
        cut = np.unique(thresholds[~np.isnan(thresholds[:, k]), k])
        entries[finding] = {
            "threshold": float(cut[0]) if len(cut) == 1 else None,
            "without_threshold": int((np.isnan(thresholds[:, k]) & ~np.isnan(labels[:, k])).sum()),
            **{cell: int(counts[cell][k]) for cell in CELLS},
            **{rate: rates[rate].entry(k, level) for rate in RATES},
        }
    empty = f"no finding has a threshold and labels in {name}"
    return {
        "micro": {shown: total[rate].entry(0, level) for shown, rate in TOTALS.items()},
        "macro": {shown: rates[rate].mean(empty).entry(0, level) for shown, rate in TOTALS.items()},
        "mean": {rate: rates[rate].mean(empty).entry(0, level) for rate in RATES},
        "findings": entries,
    }, rates
