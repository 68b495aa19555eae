"""A run's record and metrics in, published mean AUROCs of the same split out, or why there are none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cxr.config.findings import NIH14
from cxr.evaluation.metrics import findings_of

OFFICIAL, LISTS = "official", "chexnet lists"


@dataclass(frozen=True)
class Published:
    """Results of others, or the reason why there are none."""

    split: str
    """In words; "" without results."""
    results: tuple[Mapping[str, str], ...]
    """Each with "name", "auroc" and, where it was published, "interval": as printed there."""
    reason: str
    """Why there are none; "" with results."""


def find_published(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> Published:
    """Results of the split that was measured.

    Another split is another population: one network has 0.838 on one of ChestX-ray14's two and 0.818 on the other.
    """
    reason = _why_not(record, metrics)
    if reason:
        return Published("", (), reason)
    tables = json.loads(files("cxr.reporting").joinpath("published.json").read_text(encoding="utf-8"))
    parts = {part: one["images"] for part, one in record["split"]["parts"].items()}
    name = record["split"]["name"]
    key = name if name == OFFICIAL else LISTS if parts == tables[LISTS]["images"] else None
    if key is None:
        return Published("", (), f"no published result is known of split ‘{name}’, and those of others do not compare")
    return Published(tables[key]["split"], tuple(tables[key]["results"]), "")


def _why_not(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    if record["data"]["synthetic"]:
        return "nothing is published on phantoms"
    if record["smoke"]:
        return "a smoke run is no result"
    if metrics["folds"]:
        return "the images were measured out of fold, not on a test part that others share"
    if set(findings_of(metrics)) != set(NIH14) or record["data"]["sources"] != ["nih"]:
        return "those known are of the 14 findings of ChestX-ray14, on its images alone"
    if metrics["images"] != record["split"]["parts"]["test"]["images"]:
        return "not every image of the test part has predictions"
    return ""
