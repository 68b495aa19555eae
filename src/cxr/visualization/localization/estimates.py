"""Scores of pairs of image and finding in, values per finding and in the mean with intervals by patient out.

All come from the same resamples of the patients with boxes, so ratios are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.intervals import mean_draws
from cxr.evaluation.mean_auroc import LEVEL
from cxr.evaluation.resamples import Resamples
from cxr.visualization.localization.measures import NUMBERS
from cxr.visualization.localization.scores import KINDS, POINTING_ALONE, Scores

PART = "test"
RATIO = "ratio"
"""Own maps over other patients'."""
SAME_PLACE = 0.5
"""Of other patients' true boxes: where so many have their middle in one's own, a finding has no place of its own."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The images that were measured, and resamples of their patients. images: (n,) int rows of the store."""

    images: np.ndarray
    resamples: Resamples
    findings: tuple[str, ...]

    @classmethod
    def of(cls, rows: np.ndarray, patients: np.ndarray, findings: Sequence[str], resamples: int, seed: int) -> "Sample":
        """Resample the patients, (N,) by row of the store, of `rows`."""
        images = np.unique(rows).astype(int)
        return cls(images, Resamples.of(patients[images], resamples, seed), tuple(findings))

    def mean(
        self, rows: np.ndarray, findings: np.ndarray, sums: np.ndarray, counts: np.ndarray, kind: str = "boxes"
    ) -> Estimate:
        """Sums over counts of (M,) pairs, per finding; pairs that are NaN are left out.

        kind: what the counts are of, for the reason where there are none.
        """
        known = ~np.isnan(sums)
        table = np.zeros((2, len(self.images), len(self.findings)))
        places = np.searchsorted(self.images, rows[known])
        for part, values in zip(table, (sums, counts), strict=True):
            np.add.at(part, (places, findings[known]), values[known])
        draws = np.stack([self.resamples.sums(part) for part in table])
        reasons = support_reasons(self.resamples, PART, **{kind: table[1] > 0})
        return Estimate(_over(*table.sum(axis=1)), _over(*draws), reasons).without_constants(PART)

    def entries(self, estimate: Estimate, empty: str = "no boxes in test") -> dict[str, Any]:
        """The mean over findings, then each finding."""
        return estimate.entries(self.findings, LEVEL, empty)

    def ratio_entries(self, own: Estimate, other: Estimate) -> dict[str, Any]:
        """own / other, draw by draw; in the mean that of the two means, over the findings that both have."""
        both = ~np.isnan(own.values) & ~np.isnan(other.values)
        means = []
        for one in (own, other):
            values = one.values[both].mean() if both.any() else np.nan
            draws = mean_draws(one.draws[:, both]) if both.any() else np.full(len(one.draws), np.nan)
            means.append((values, draws))
        reasons = [one or two for one, two in zip(_support(own), _support(other), strict=True)]
        never = ["the other maps never score" if value == 0 else None for value in other.values]
        ratio = Estimate(
            _over(own.values, other.values),
            _over(own.draws, other.draws),
            tuple(reason or text for reason, text in zip(reasons, never, strict=True)),
        ).without_constants(PART)
        mean = Estimate(
            _over(*(np.array([value]) for value, _ in means)), _over(*(draws for _, draws in means))[:, None], (None,)
        ).without_constants(PART)
        found = {"mean": mean.entry(0, LEVEL) | {"findings": int((~np.isnan(ratio.values)).sum())}}
        return found | {finding: ratio.entry(k, LEVEL) for k, finding in enumerate(self.findings)}


def score_entries(scores: Scores, sample: Sample, kinds: Sequence[str] = KINDS) -> dict[str, Any]:
    """Number -> kind of map, and `ratio` -> "mean" and every finding -> an entry as in metrics.json."""
    found: dict[str, Any] = {}
    for column, number in enumerate(NUMBERS):
        counts = scores.boxes if column >= 2 else np.ones(len(scores.rows))
        made = {
            kind: sample.mean(scores.rows, scores.findings, scores.values[kind][:, column], counts)
            for kind in kinds
            if kind not in POINTING_ALONE or number == "pointing"
        }
        found[number] = {kind: sample.entries(estimate) for kind, estimate in made.items()}
        found[number][RATIO] = sample.ratio_entries(made["own"], made["swapped"])
    return found


def counts_by_finding(scores: Scores, sample: Sample, patients: np.ndarray) -> dict[str, dict[str, int]]:
    """Finding -> boxes, images and patients with boxes. patients: (N,) by row of the store."""
    found = {}
    for number, finding in enumerate(sample.findings):
        chosen = scores.findings == number
        found[finding] = {
            "boxes": int(scores.boxes[chosen].sum()),
            "images": int(chosen.sum()),
            "patients": len(np.unique(patients[scores.rows[chosen]])),
        }
    return found


def findings_with_place(numbers: Mapping[str, Any]) -> list[str]:
    """Return the findings that do not lie in much the same place in most patients, of what `score_entries` gave.

    Where the middles of other patients' true boxes hit every second time, a map that shows where the finding usually
    is hits as often, whatever it saw of this patient: how often it points there says little.
    """
    entries = numbers["pointing"]["other_boxes"]
    shares = {finding: entry["value"] for finding, entry in entries.items() if finding != "mean"}
    return [finding for finding, share in shares.items() if share is not None and share < SAME_PLACE]


def table_rows(numbers: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of localization.csv: number, maps, finding, value, low, high, reason."""
    return [
        (number, kind, finding, *(_cell(entry[key]) for key in ("value", "low", "high")), entry.get("reason", ""))
        for number, kinds in numbers.items()
        for kind, entries in kinds.items()
        for finding, entry in entries.items()
    ]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _over(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(sums.shape, counts.shape)
    return np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)


def _support(estimate: Estimate) -> tuple[str | None, ...]:
    """The reasons that hold for a ratio too: not that one of the two is the same in every resample."""
    return tuple(None if reason and reason.startswith("the same in every") else reason for reason in estimate.reasons)
