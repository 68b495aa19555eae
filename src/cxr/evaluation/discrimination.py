"""Predictions of a part in; AUROC and average precision per finding and over them, with intervals, out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cxr.evaluation.auroc import auroc
from cxr.evaluation.average_precision import average_precision
from cxr.evaluation.delong import delong
from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.ranking import bootstrap_ranking, pooled_ranking
from cxr.evaluation.resamples import Resamples

OVER_FINDINGS: dict[str, Callable[..., np.ndarray]] = {"median": np.nanmedian, "min": np.nanmin, "max": np.nanmax}


def estimate_ranking(part: Predictions, resamples: Resamples, name: str) -> dict[str, Estimate]:
    """`auroc` and `average_precision` of each finding of a part of N >= 0 images.

    Where every resample agrees, as on a perfect ranking, there is no interval: the percentiles would say 1 to 1.
    """
    return {kind: one.without_constants(name) for kind, one in bare_ranking(part, resamples, name).items()}


def bare_ranking(part: Predictions, resamples: Resamples, name: str) -> dict[str, Estimate]:
    """The same with the intervals of perfect rankings, for differences: one to a perfect ranking varies."""
    labels = part.labels
    positive, negative = labels == 1, labels == 0
    areas, precisions = bootstrap_ranking(labels, part.probabilities, resamples)
    reasons = support_reasons(resamples, name, positives=positive, negatives=negative)
    return {
        "auroc": Estimate(auroc(labels, part.probabilities), areas, reasons),
        # Without negatives every precision is 1: no number of the model.
        "average_precision": Estimate(
            np.where(negative.any(axis=0), average_precision(labels, part.probabilities), np.nan), precisions, reasons
        ),
    }


def estimate_micro(part: Predictions, resamples: Resamples, name: str) -> Estimate:
    """Micro AUROC, as an estimate of one: the answers to all findings in one list."""
    labels = part.labels
    kinds = {kind: (labels == code).any(axis=1)[:, None] for kind, code in (("positives", 1), ("negatives", 0))}
    value = auroc(labels.reshape(-1, 1), part.probabilities.reshape(-1, 1))
    draws = pooled_ranking(labels, part.probabilities, resamples)
    return Estimate(value, draws[:, None], support_reasons(resamples, name, **kinds))


def describe_ranking(
    part: Predictions, estimates: dict[str, Estimate], micro: Estimate, name: str, level: float
) -> dict[str, Any]:
    """The keys `auroc`, `average_precision` and `summary` of a block of metrics.json."""
    empty = f"no finding has positives and negatives in {name}"
    block = {kind: estimate.entries(part.findings, level, empty) for kind, estimate in estimates.items()}
    for k, finding in enumerate(part.findings):
        block["auroc"][finding] |= _counts(part, k) | {"delong": _delong(part, k, level)}
    summary = {kind: _over_findings(estimate, part.findings, empty, level) for kind, estimate in estimates.items()}
    summary["auroc"]["micro"] = micro.entry(0, level)
    return block | {"summary": summary}


def _counts(part: Predictions, k: int) -> dict[str, int]:
    codes = part.label_codes[:, k]
    return {
        "positives": int((codes == 1).sum()),
        "negatives": int((codes == 0).sum()),
        "unknown": int(part.unknown_counts[k]),
        "uncertain": int(part.uncertain_counts[k]),
        "patients_with": len(np.unique(part.patient_ids[codes == 1])),
    }


def _delong(part: Predictions, k: int, level: float) -> dict[str, float | None]:
    """Bounds that take images for independent; null with fewer than two positives or negatives, or no variance."""
    found = delong(part.labels[:, k], part.probabilities[:, k : k + 1])
    variance = found.covariance[0, 0]
    if not variance > 0:  # also NaN
        return {"variance": None, "low": None, "high": None}
    low, high = found.intervals(level)[0]
    return {"variance": float(variance), "low": float(low), "high": float(high)}


def _over_findings(estimate: Estimate, findings: tuple[str, ...], empty: str, level: float) -> dict[str, Any]:
    found: dict[str, Any] = {"mean": estimate.mean(empty).entry(0, level)}
    for kind, function in OVER_FINDINGS.items():
        found[kind] = estimate.over(function, lambda draws, f=function: _by_row(f, draws), empty).entry(0, level)
    if not np.isnan(estimate.values).all():
        found["min"]["finding"] = findings[int(np.nanargmin(estimate.values))]
        found["max"]["finding"] = findings[int(np.nanargmax(estimate.values))]
    return found


def _by_row(function: Callable[..., np.ndarray], draws: np.ndarray) -> np.ndarray:
    """(B,) of (B, k) draws; NaN where a resample has no finding, which numpy would warn of."""
    some = ~np.isnan(draws).all(axis=1)
    found = np.full(len(draws), np.nan)
    found[some] = function(draws[some], axis=1)
    return found
