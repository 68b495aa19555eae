"""Entries of metrics.json in, the reasons for their missing numbers and intervals out, each once with its findings."""

from collections.abc import Iterable, Mapping
from typing import Any

from cxr.reporting.wording import finding_text

NAMED = 4


def explain_gaps(entries: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
    """`no positives in test (Hernia, Mass)`: one text per reason, in order of appearance.

    entries: finding -> what stands in its row of a table; "mean" may be among them. More than NAMED findings with one
    reason are counted, not named.
    """
    found: dict[str, list[str]] = {}
    for finding, row in entries.items():
        for reason in dict.fromkeys(entry["reason"] for entry in row if "reason" in entry):
            found.setdefault(reason, []).append("mean" if finding == "mean" else finding_text(finding))
    return [f"{reason} ({_names(findings)})" for reason, findings in found.items()]


def _names(findings: list[str]) -> str:
    more = len(findings) - NAMED
    return ", ".join(findings[:NAMED]) + (f" and {more} more" if more > 0 else "")
