"""Predictions of several runs on the same images in, their paired differences with intervals and p out."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from cxr.config.record import hash_of_ids
from cxr.evaluation.delong import ASSUMPTION, delong
from cxr.evaluation.discrimination import bare_ranking
from cxr.evaluation.estimates import Estimate
from cxr.evaluation.mean_auroc import LEVEL
from cxr.evaluation.paired import bootstrap_p, holm
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples
from cxr.evaluation.same_images import same_images

NUMBERS = ("auroc", "average_precision")
COLUMNS = (
    *("number", "run", "reference", "finding", "value", "reference_value", "difference", "low", "high"),
    *("p", "p_holm", "p_delong", "p_delong_holm", "reason"),
)


def compare_runs(
    runs: Mapping[str, Predictions],
    resamples: int,
    seed: int,
    part: str = "test",
    level: float = LEVEL,
    split: str | None = None,
) -> dict[str, Any]:
    """Measure every run on the same resampled patients, and every run but the first against the first.

    The content of compare.json: `values` has run -> number -> entries as in metrics.json; `differences` has run ->
    number -> {"mean", finding} -> an entry of run minus first, with `p` (bootstrap by patient, two-sided) and `p_holm`,
    adjusted within a number over all findings of all runs, for the means over the runs; AUROCs of findings also have
    `p_delong` and `p_delong_holm`, which take images for independent. p is null where there is no interval.

    Args:
        runs: name -> predictions; at least two. Their images, patients and labels of the part must be the same.
        resamples: of the patients.
        seed: of these.
        part: of the split.
        level: of the intervals.
        split: its name, where it is known.

    Raises UserError as `same_images` does.
    """
    rows, left_out = same_images(runs, part)
    reference, *others = rows
    first = rows[reference]
    drawn = Resamples.of(first.patient_ids, resamples, seed)
    estimates = {name: bare_ranking(one, drawn, part) for name, one in rows.items()}
    empty = f"no finding has positives and negatives in {part}"
    differences: dict[str, dict[str, Any]] = {name: {} for name in others}
    for number in NUMBERS:
        found = {name: estimates[name][number].minus(estimates[reference][number]) for name in others}
        for name, entries in _with_p(found, first.findings, part, empty, level).items():
            differences[name][number] = entries
    _add_delong(differences, rows)
    return {
        **{"split": split, "part": part, "images": len(first.image_ids), "patients": drawn.patients},
        **{"images_hash": hash_of_ids(first.image_ids), "reference": reference, "runs": list(rows)},
        **{"findings": list(first.findings), "left_out": left_out},
        "intervals": {
            "method": "paired bootstrap over patients",
            **{"resamples": resamples, "level": level, "seed": seed},
        },
        "adjustment": "Holm, over the findings of all runs; the means over the runs",
        "delong": ASSUMPTION,
        "values": {
            name: {
                number: one[number].without_constants(part).entries(first.findings, level, empty) for number in NUMBERS
            }
            for name, one in estimates.items()
        },
        "differences": differences,
    }


def _with_p(
    found: Mapping[str, Estimate], findings: tuple[str, ...], part: str, empty: str, level: float
) -> dict[str, dict[str, Any]]:
    """run -> entries of one number's differences, with p and p_holm."""
    checked = {name: one.without_constants(part) for name, one in found.items()}
    means = {name: one.mean(empty).without_constants(part) for name, one in found.items()}
    each = np.stack([_p_values(one) for one in checked.values()])
    over = np.stack([_p_values(one) for one in means.values()])
    adjusted, adjusted_means = holm(each), holm(over)
    entries: dict[str, dict[str, Any]] = {}
    for row, (name, one) in enumerate(checked.items()):
        mean = {"findings": int((~np.isnan(one.values)).sum())}
        entries[name] = {
            "mean": means[name].entry(0, level) | mean | _as_p(over[row, 0], adjusted_means[row, 0]),
            **{
                finding: one.entry(k, level) | _as_p(each[row, k], adjusted[row, k])
                for k, finding in enumerate(findings)
            },
        }
    return entries


def _p_values(estimate: Estimate) -> np.ndarray:
    """(K,) p; NaN where there is no value or no interval."""
    shown = np.array([reason is None for reason in estimate.reasons]) & ~np.isnan(estimate.values)
    return np.where(shown, bootstrap_p(estimate.draws), np.nan)


def _add_delong(differences: dict[str, dict[str, Any]], rows: Mapping[str, Predictions]) -> None:
    first, *others = rows.values()
    p = np.full((len(others), len(first.findings)), np.nan)
    for k in range(len(first.findings)):
        scores = np.stack([one.probabilities[:, k] for one in rows.values()], axis=1)
        areas = delong(first.labels[:, k], scores)
        p[:, k] = [areas.difference(run, 0)[2] for run in range(1, len(rows))]
    adjusted = holm(p)
    for run, of_run in enumerate(differences.values()):
        for k, finding in enumerate(first.findings):
            of_run["auroc"][finding] |= _as_p(p[run, k], adjusted[run, k], "p_delong")


def _as_p(p: float, adjusted: float, key: str = "p") -> dict[str, float | None]:
    return {name: None if np.isnan(one) else float(one) for name, one in ((key, p), (f"{key}_holm", adjusted))}


def comparison_table(comparison: Mapping[str, Any]) -> str:
    """Text of compare.csv: a row per number, run and finding, the mean first; empty cells where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    reference, values = comparison["reference"], comparison["values"]
    for number in NUMBERS:
        for run, of_run in comparison["differences"].items():
            for finding, entry in of_run[number].items():
                pair = [values[name][number][finding]["value"] for name in (run, reference)]
                cells = [entry.get(key) for key in ("value", "low", "high", *COLUMNS[9:])]
                writer.writerow([number, run, reference, finding, *pair, *cells])
    return text.getvalue()
