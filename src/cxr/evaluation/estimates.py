"""Values and draws of a number in, its entry of metrics.json out: value, interval, or the reason why there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cxr.evaluation.intervals import Interval, mean_draws, percentile_interval
from cxr.evaluation.resamples import Resamples

ROUNDING = 1e-9
"""Draws that differ by less, relative to what they are, are the same."""
NO_INTERVAL = Interval(None, None, 0)
Reasons = tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Estimate:
    """One kind of number, for each of K findings."""

    values: np.ndarray
    """(K,) float64; NaN where there is none."""
    draws: np.ndarray
    """(B, K) float64: the number in each resample of the patients; NaN where a resample has none."""
    reasons: Reasons
    """Per finding why it has no value, or no interval; None where it has both."""

    def entry(self, k: int, level: float) -> dict[str, Any]:
        """`value`, `low`, `high`, `resamples_left_out`, and `reason` where a value or an interval is missing."""
        value, reason = self.values[k], self.reasons[k]
        if np.isnan(value):
            return as_entry(None, NO_INTERVAL, reason or "not defined")
        if reason is not None:
            return as_entry(value, NO_INTERVAL, reason)
        return as_entry(value, percentile_interval(self.draws[:, k], level))

    def entries(self, findings: Sequence[str], level: float, empty: str) -> dict[str, Any]:
        """`mean` over the findings that have a value (with `findings`, their number), then an entry per finding.

        empty: the reason for a mean over nothing.
        """
        mean = self.mean(empty)
        found = {"mean": mean.entry(0, level) | {"findings": int((~np.isnan(self.values)).sum())}}
        return found | {finding: self.entry(k, level) for k, finding in enumerate(findings)}

    def mean(self, empty: str) -> "Estimate":
        """The mean over findings, as an estimate of one; a resample may have fewer findings than the sample."""
        return self.over(np.mean, mean_draws, empty)

    def over(
        self, of_values: Callable[[np.ndarray], float], of_draws: Callable[[np.ndarray], np.ndarray], empty: str
    ) -> "Estimate":
        """One number made of all findings that have a value: `of_values` of (k,), `of_draws` of (B, k) to (B,)."""
        present = ~np.isnan(self.values)
        if not present.any():
            return Estimate(np.array([np.nan]), np.full((len(self.draws), 1), np.nan), (empty,))
        reasons = [reason for reason, there in zip(self.reasons, present, strict=True) if there]
        reason = None if None in reasons else reasons[0]  # no finding has an interval: nor have all together
        draws = of_draws(self.draws[:, present])
        return Estimate(np.array([of_values(self.values[present])]), draws[:, None], (reason,))

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference, draw by draw: paired where both were measured on the same `Resamples`."""
        reasons = tuple(one or two for one, two in zip(self.reasons, other.reasons, strict=True))
        return Estimate(self.values - other.values, self.draws - other.draws, reasons)

    def complement(self) -> "Estimate":
        """One minus the number, e.g. the false negative rate of a sensitivity."""
        return replace(self, values=1 - self.values, draws=1 - self.draws)

    def one(self, k: int) -> "Estimate":
        """The estimate of one finding only."""
        return Estimate(self.values[k : k + 1], self.draws[:, k : k + 1], self.reasons[k : k + 1])

    def without_constants(self, name: str) -> "Estimate":
        """The estimate, its interval refused where every resample agrees: 12 of 12 found is not certainty."""
        highest, lowest = (of.reduce(self.draws, axis=0) for of in (np.fmax, np.fmin))  # they pass over NaN
        with np.errstate(invalid="ignore"):
            same = ~(highest - lowest > ROUNDING * np.maximum(1, np.abs(highest)))
        text = f"the same in every resample of {name}: no interval"
        reasons = zip(self.reasons, same, strict=True)
        return replace(self, reasons=tuple(reason or (text if fixed else None) for reason, fixed in reasons))


def as_entry(value: float | None, interval: Interval, reason: str | None = None) -> dict[str, Any]:
    """One entry of metrics.json."""
    entry = {
        "value": None if value is None else float(value),
        "low": interval.low,
        "high": interval.high,
        "resamples_left_out": interval.left_out,
    }
    return entry if reason is None else entry | {"reason": reason}


def support_reasons(resamples: Resamples, name: str, **needed: np.ndarray) -> Reasons:
    """Per finding what an interval lacks, or None: images of each needed kind, from at least two patients.

    Every usable resample holds the only patient with a positive: such an interval would be narrow and about nobody
    else.

    Args:
        resamples: of the patients.
        name: of the part, for the sentence.
        needed: kind of image ("positives", underscores for spaces) -> (N, K) bool, which images are of that kind.
    """
    first = next(iter(needed.values()))
    reasons: list[str | None] = [None] * first.shape[1]
    counts = {kind.replace("_", " "): resamples.support(chosen) for kind, chosen in needed.items()}
    for k in range(first.shape[1]):
        missing = [kind for kind, patients in counts.items() if patients[k] == 0]
        alone = [kind for kind, patients in counts.items() if patients[k] == 1]
        if len(resamples.patient_of) == 0:
            reasons[k] = f"no images in {name}"
        elif missing:
            reasons[k] = f"no {missing[0]} in {name}"
        elif resamples.patients == 1:
            reasons[k] = f"one patient in {name}: no interval"
        elif alone:
            reasons[k] = f"{alone[0]} of one patient only in {name}: no interval"
    return tuple(reasons)
