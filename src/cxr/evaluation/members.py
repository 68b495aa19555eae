"""Predictions of each member of a group in, their mean AUROCs with intervals out, and mean and SD over seeds."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cxr.evaluation.mean_auroc import mean_auroc
from cxr.evaluation.predictions import Predictions

PARTS = ("val", "test")
COLUMNS = ("member", "seeds", "part", "auroc", "low", "high", "sd")


def measure_members(
    members: Mapping[str, Sequence[Predictions]], resamples: int, seed: int, level: float
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return member -> {"val": entry, "test": entry}, each the mean AUROC over the findings with its interval.

    members: name -> its predictions, one per fold. Of several folds the test parts are taken together; there is no val
    entry then but null with a reason, because an image is in the val parts of several folds or of none.
    """
    found = {}
    for name, by_fold in members.items():
        test = joined([one.part("test") for one in by_fold])
        val = by_fold[0].part("val") if len(by_fold) == 1 else test.rows(np.zeros(0, int))
        entries = {
            part: mean_auroc(rows, part, resamples, seed, level) for part, rows in (("val", val), ("test", test))
        }
        if len(by_fold) > 1:
            entries["val"]["reason"] = "each fold has a val part of its own"
        found[name] = entries
    return found


def spread_over_seeds(
    members: Mapping[str, Mapping[str, Mapping[str, Any]]], seeds: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Return member -> {"members": names, "val": {"mean", "sd"}, "test": ...} of those trained with several seeds.

    sd: of the sample (n - 1); it says how much training varies, and nothing about other patients. Null where a seed has
    no value.
    """
    found: dict[str, dict[str, Any]] = {}
    for member, names in seeds.items():
        found[member] = {"members": list(names)}
        for part in PARTS:
            values = [members[name][part]["value"] for name in names]
            known = None not in values
            found[member][part] = {
                "mean": float(np.mean(values)) if known else None,
                "sd": float(np.std(values, ddof=1)) if known and len(values) > 1 else None,
            }
    return found


def members_table(metrics: Mapping[str, Any]) -> str:
    """Return the text of `members.csv`: per part a row of each member, then one of each member with several seeds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in PARTS:
        for name, entries in metrics["members"].items():
            entry = entries[part]
            writer.writerow([name, 1, part, entry["value"], entry["low"], entry["high"], None])
        for member, spread in metrics["seeds"].items():
            writer.writerow(
                [member, len(spread["members"]), part, spread[part]["mean"], None, None, spread[part]["sd"]]
            )
    return text.getvalue()


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the rows of several predictions of the same findings, one after the other."""
    names = ("image_ids", "patient_ids", "splits", "probabilities", "label_codes")
    arrays = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
    return Predictions(findings=parts[0].findings, **arrays)
