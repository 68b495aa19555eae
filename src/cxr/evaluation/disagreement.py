"""Predictions of a group's members in, how far they disagree and how right the group is where they do out.

The spread of an ensemble's members is an uncertainty that costs nothing (Lakshminarayanan et al., NeurIPS 2017). It is
worth something only if the group is less often right where its members disagree: the terciles show that.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr.config.errors import UserError
from cxr.evaluation.auroc import auroc
from cxr.evaluation.confusion import confuse, estimate_rates
from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.measured_part import Part
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.ranking import bootstrap_ranking
from cxr.evaluation.resamples import Resamples

TERCILES = ("agree", "between", "disagree")


def member_spread(part: Predictions, members: Sequence[Predictions]) -> np.ndarray:
    """(N, K) float64 standard deviation of the members' raw probabilities, rows and findings as in `part`.

    Raises UserError with fewer than two members, or for one that lacks an image or a finding.
    """
    if len(members) < 2:
        raise UserError(f"disagreement needs at least two members; found {len(members)}.")
    every = []
    for member in members:
        place = {image: row for row, image in enumerate(member.image_ids)}
        lacking = [image for image in part.image_ids if image not in place]
        if lacking:
            raise UserError(f"a member has no prediction of image '{lacking[0]}' (such images: {len(lacking)}).")
        missing = [finding for finding in part.findings if finding not in member.findings]
        if missing:
            raise UserError(f"a member does not predict {missing[0]}.")
        columns = [member.findings.index(finding) for finding in part.findings]
        rows = [place[image] for image in part.image_ids]
        every.append(member.probabilities[np.ix_(rows, columns)])
    return np.std(every, axis=0)


def measure_disagreement(part: Part, spread: np.ndarray, resamples: Resamples, level: float) -> dict[str, Any]:
    """tercile -> {"spread": (K means, by finding), "auroc", "accuracy"}, the two with "mean" and per finding.

    Terciles are of each finding's images with a known label, equal spreads in the order of their rows. AUROC is of raw,
    accuracy of calibrated probabilities at the operating point.

    Args:
        part: what is measured.
        spread: (N, K) float64 of `member_spread`.
        resamples: of the part's patients.
        level: of the intervals.
    """
    labels, findings = part.predictions.labels, part.predictions.findings
    tercile = np.full(labels.shape, -1)
    for k in range(len(findings)):
        known = np.flatnonzero(~np.isnan(labels[:, k]))
        order = known[np.argsort(spread[known, k], kind="stable")]
        tercile[order, k] = np.arange(len(order)) * len(TERCILES) // max(1, len(order))
    found = {}
    for place, name in enumerate(TERCILES):
        chosen = np.where(tercile == place, labels, np.nan)
        found[name] = _measure(part, chosen, spread, resamples, f"{part.name} where members {name}", level)
    return found


def _measure(
    part: Part, labels: np.ndarray, spread: np.ndarray, resamples: Resamples, name: str, level: float
) -> dict[str, Any]:
    rows = part.predictions
    areas = Estimate(
        auroc(labels, rows.probabilities),
        bootstrap_ranking(labels, rows.probabilities, resamples, precision=False)[0],
        support_reasons(resamples, name, positives=labels == 1, negatives=labels == 0),
    )
    accuracy = estimate_rates(confuse(labels, part.calibrated, part.thresholds), resamples, name)["accuracy"]
    reasons = (why or other for why, other in zip(part.missing, accuracy.reasons, strict=True))
    accuracy = Estimate(accuracy.values, accuracy.draws, tuple(reasons))
    empty = f"no finding can be measured in {name}"
    known = ~np.isnan(labels)
    return {
        "spread": {
            finding: float(spread[known[:, k], k].mean()) if known[:, k].any() else None
            for k, finding in enumerate(rows.findings)
        },
        "auroc": areas.entries(rows.findings, level, empty),
        "accuracy": accuracy.entries(rows.findings, level, empty),
    }
