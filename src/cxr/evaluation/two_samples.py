"""metrics.json of the own test part and of another data set in; both columns per number and finding out."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxr.evaluation.metrics import findings_of

KEYS = ("value", "low", "high")
COLUMNS = ("number", "finding", *(f"own_{key}" for key in KEYS), *(f"external_{key}" for key in KEYS))
RATES = ("sensitivity", "specificity", "ppv", "npv")
SCORES = ("brier", "ece")


def both_columns(own: Mapping[str, Any], external: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows with the keys of COLUMNS, per number the mean first, then the findings of the external data set.

    Of AUROC, average precision, the rates at the thresholds (of the group's own validation in both columns), and of the
    calibrated probabilities Brier score and ECE; also prevalence. The own mean is that over the same findings, and has
    no interval where these are not all.
    """
    findings = findings_of(external)
    return [
        {
            **{"number": number, "finding": finding},
            **{f"own_{key}": one[key] for key in KEYS},
            **{f"external_{key}": two[key] for key in KEYS},
        }
        for (number, mine), (_, theirs) in zip(_numbers(own), _numbers(external), strict=True)
        for finding, one, two in _pairs(mine, theirs, findings, set(findings) == set(findings_of(own)))
    ]


def both_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Text of external.csv; an empty cell where there is no number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _numbers(metrics: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
    """Each number's name, and finding -> entry."""
    yield "auroc", metrics["auroc"]
    yield "average_precision", metrics["average_precision"]
    at = metrics["operating_point"]
    for rate in RATES:
        yield rate, {"mean": at["mean"][rate]} | {name: one[rate] for name, one in at["findings"].items()}
    for score in SCORES:
        yield score, {name: one[score] for name, one in metrics["calibration"]["calibrated"].items()}
    shares = {name: _prevalence(metrics["auroc"][name]) for name in findings_of(metrics)}
    yield "prevalence", shares


def _pairs(
    own: Mapping[str, Any], external: Mapping[str, Any], findings: Sequence[str], same: bool
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    if "mean" in external:
        yield "mean", own["mean"] if same else _mean([own[name] for name in findings]), external["mean"]
    for name in findings:
        yield name, own[name], external[name]


def _mean(entries: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    values = [entry["value"] for entry in entries if entry["value"] is not None]
    return {"value": sum(values) / len(values) if values else None, "low": None, "high": None}


def _prevalence(entry: Mapping[str, Any]) -> dict[str, float | None]:
    known = entry["positives"] + entry["negatives"]
    return {"value": entry["positives"] / known if known else None, "low": None, "high": None}
