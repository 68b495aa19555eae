"""Predictions and a table of attributes in; AUROC, sensitivity and underdiagnosis of every subgroup, against the rest.

A subgroup's labels are those of the part with everybody else's left out, so that the very same resamples of patients
serve it and the rest, and the difference is taken draw by draw.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.findings import NO_FINDING
from cxr.evaluation.auroc import auroc
from cxr.evaluation.confusion import confuse, estimate_rates
from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.measured_part import Part
from cxr.evaluation.ranking import bootstrap_ranking
from cxr.evaluation.resamples import Resamples

NORMAL = (NO_FINDING, "No_Finding", "Normal")
"""Outputs that say that nothing is there: no finding to be underdiagnosed."""


@dataclass(frozen=True, eq=False)
class _Group:
    images: int
    patients: int
    estimates: dict[str, Estimate]
    """`auroc`, `sensitivity`, `false_negative_rate` of each finding, `underdiagnosis` of one."""


def measure_subgroups(
    part: Part, attributes: pd.DataFrame, resamples: Resamples, minimum: int, level: float
) -> dict[str, Any]:
    """attribute -> {"unknown": images, "groups": value -> numbers and their "difference" to the rest}.

    Numbers are `auroc`, `sensitivity`, `false_negative_rate` ("mean" and per finding, at the operating point) and
    `underdiagnosis`: the share of images with any finding that are predicted to have none (Seyyed-Kalantari et al.,
    Nature Medicine 2021, 27:2176-2182), over findings that have a threshold. The rest are the images whose value is
    known and another. A number of fewer than `minimum` positives (AUROC: or negatives) is null and says so.

    Args:
        part: what is measured.
        attributes: column `image_id`, each once, and one column per attribute; empty, NaN and images that are not in
            it are unknown. Attributes with fewer than two values in the part are left out.
        resamples: of the part's patients.
        minimum: positive images that a number needs.
        level: of the intervals.
    """
    table = attributes.set_index("image_id").reindex(part.predictions.image_ids)
    found = {}
    for attribute in table.columns:
        texts = table[attribute].fillna("").astype(str).to_numpy()
        values = sorted(set(texts) - {""})
        if len(values) < 2:
            continue
        known = texts != ""
        groups = {v: _measure(part, texts == v, resamples, minimum, f"{attribute} {v}") for v in values}
        entries = {}
        for value in values:
            if len(values) == 2:
                rest = groups[values[1 - values.index(value)]]
            else:
                other = known & (texts != value)
                rest = _measure(part, other, resamples, minimum, f"the rest of {attribute} {value}")
            entries[value] = _describe(groups[value], rest, part.predictions.findings, f"{attribute} {value}", level)
        found[attribute] = {"unknown": int((~known).sum()), "groups": entries}
    return found


def _measure(part: Part, chosen: np.ndarray, resamples: Resamples, minimum: int, name: str) -> _Group:
    rows = part.predictions
    labels = np.where(chosen[:, None], rows.labels, np.nan)
    positive, negative = labels == 1, labels == 0
    areas = Estimate(
        auroc(labels, rows.probabilities),
        bootstrap_ranking(labels, rows.probabilities, resamples, precision=False)[0],
        support_reasons(resamples, name, positives=positive, negatives=negative),
    )
    sensitivity = estimate_rates(confuse(labels, part.calibrated, part.thresholds), resamples, name)["sensitivity"]
    reasons = (why or other for why, other in zip(part.missing, sensitivity.reasons, strict=True))
    sensitivity = Estimate(sensitivity.values, sensitivity.draws, tuple(reasons))
    sensitivity = _with_enough(sensitivity, {"positives": positive.sum(axis=0)}, minimum, name)
    counts = {"positives": positive.sum(axis=0), "negatives": negative.sum(axis=0)}
    return _Group(
        images=int(chosen.sum()),
        patients=len(np.unique(resamples.patient_of[chosen])),
        estimates={
            "auroc": _with_enough(areas, counts, minimum, name),
            "sensitivity": sensitivity,
            "false_negative_rate": sensitivity.complement(),
            "underdiagnosis": _underdiagnosis(part, labels, resamples, minimum, name),
        },
    )


def _underdiagnosis(part: Part, labels: np.ndarray, resamples: Resamples, minimum: int, name: str) -> Estimate:
    real = np.array([finding not in NORMAL for finding in part.predictions.findings])
    usable = ~np.isnan(part.thresholds) & real
    ill = ((labels == 1) & usable).any(axis=1, keepdims=True)
    called = ((part.calibrated >= part.thresholds) & usable).any(axis=1, keepdims=True)
    sums = resamples.sums(np.concatenate([ill & ~called, ill], axis=1))
    whole = sums[:, 1:]
    draws = np.divide(sums[:, :1], whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    value = (ill & ~called).sum() / ill.sum() if ill.any() else np.nan
    reasons = support_reasons(resamples, name, images_with_a_finding=ill)
    estimate = Estimate(np.array([value]), draws, reasons).without_constants(name)
    return _with_enough(estimate, {"images with a finding": ill.sum(axis=0)}, minimum, name)


def _with_enough(estimate: Estimate, counts: dict[str, np.ndarray], minimum: int, name: str) -> Estimate:
    """The estimate, without a value and with a reason where one of the counts is below the minimum."""
    values, draws, reasons = estimate.values.copy(), estimate.draws.copy(), list(estimate.reasons)
    for k in range(len(values)):
        few = [(kind, count[k]) for kind, count in counts.items() if count[k] < minimum]
        if few:
            values[k], draws[:, k] = np.nan, np.nan
            reasons[k] = f"{few[0][1]} {few[0][0]} in {name}; a number needs {minimum}"
    return Estimate(values, draws, tuple(reasons))


def _describe(group: _Group, rest: _Group, findings: tuple[str, ...], name: str, level: float) -> dict[str, Any]:
    empty = f"no finding has enough images in {name}"
    numbers: dict[str, Any] = {}
    difference: dict[str, Any] = {}
    for kind, estimate in group.estimates.items():
        apart = estimate.minus(rest.estimates[kind])
        if kind == "underdiagnosis":
            numbers[kind], difference[kind] = estimate.entry(0, level), apart.entry(0, level)
        else:
            numbers[kind] = estimate.entries(findings, level, empty)
            difference[kind] = apart.entries(findings, level, f"{empty} and in the rest")
    return {"images": group.images, "patients": group.patients, **numbers, "difference": difference}
