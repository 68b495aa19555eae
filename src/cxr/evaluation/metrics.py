"""Predictions in, metrics.json out (and back): AUROC per finding and their mean, with intervals over patients."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.evaluation.measured_part import measure_part
from cxr.evaluation.members import measure_members, members_table, spread_over_seeds
from cxr.evaluation.predictions import Predictions

LEVEL = 0.95
MEMBERS = "members.csv"
MEAN_KEYS = ("value", "low", "high", "findings")
FINDING_KEYS = ("value", "low", "high", "positives", "negatives", "unknown", "uncertain", "patients_with")


def measure(
    predictions: Predictions,
    split: Mapping[str, Any],
    resamples: int = 2000,
    seed: int = 0,
    folds: Mapping[str, Predictions] | None = None,
    members: Mapping[str, Sequence[Predictions]] | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Measure the test part, and validation beside it; the result is the content of `metrics.json`, free of NaN.

    A finding without positives or negatives has null for value and interval and says why in "reason"; it is left out
    of the mean, which says how many findings it is over. An interval needs positives and negatives of at least two
    patients each; otherwise it is null with a reason too. See `measured_part.measure_part` for the entries.

    Args:
        predictions: of at least one test image.
        split: "split" of the group's run.json (name, hash, parts); copied, with the part measured added.
        resamples: of the patients, for the intervals.
        seed: of the resamples.
        folds: with cross-validation, fold -> predictions of its val and test part; `predictions` are then those of all
            test parts together, and "folds" has the mean AUROC of each by itself.
        members: of a group of several, member -> its predictions, one per fold: "members" has the mean AUROCs of each.
        seeds: member with several seeds -> the names of these in `members`: "seeds" has mean and SD over them.

    Raises UserError when no prediction is of the test part.
    """
    test = predictions.part("test")
    if len(test.image_ids) == 0:
        held = ", ".join(np.unique(predictions.splits))
        raise UserError(f"The predictions hold no image of the test part of the split; they hold only: {held}.")
    by_fold = {
        fold: measure_part(one.part("test"), f"test of fold {fold}", resamples, seed, LEVEL)
        for fold, one in (folds or {}).items()
    }
    alone = measure_members(members or {}, resamples, seed, LEVEL)
    return {
        "split": {**split, "part": "test"},
        "intervals": {"method": "bootstrap over patients", "resamples": resamples, "level": LEVEL, "seed": seed},
        **measure_part(test, "test", resamples, seed, LEVEL),
        "validation": measure_part(predictions.part("val"), "val", resamples, seed, LEVEL),
        "folds": {
            fold: {"images": one["images"], "patients": one["patients"], "auroc": {"mean": one["auroc"]["mean"]}}
            for fold, one in by_fold.items()
        },
        "members": alone,
        "seeds": spread_over_seeds(alone, seeds or {}),
    }


def findings_of(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The findings of `metrics.json` in order, without the mean."""
    return tuple(name for name in metrics["auroc"] if name != "mean")


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write `metrics.json` atomically, and beside it `metrics.csv`: the test part, one row per finding and the mean.

    Where members were measured, `members.csv` has these; an earlier one is removed otherwise.
    """
    write_json(path, metrics)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["finding", *FINDING_KEYS])
    for finding, entry in metrics["auroc"].items():
        writer.writerow([finding, *(entry.get(key) for key in FINDING_KEYS)])  # None becomes an empty cell
    write_text(path.with_suffix(".csv"), text.getvalue())
    if metrics["members"]:
        write_text(path.with_name(MEMBERS), members_table(metrics))
    else:
        path.with_name(MEMBERS).unlink(missing_ok=True)


def read_metrics(path: Path) -> dict[str, Any]:
    """Read `metrics.json`; UserError naming file and key for one that is missing, broken or of another shape."""
    try:
        metrics = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); evaluate the group first.") from error
    except ValueError as error:  # also of UTF-8 and of NaN
        raise UserError(f"{path}: is not valid JSON ({error}); evaluate the group again.") from error
    _need(path, metrics, "", ("split", "intervals", "images", "patients", "auroc", "validation", "members", "seeds"))
    _need(path, metrics["split"], "split.", ("name", "hash", "part"))
    _need(path, metrics["intervals"], "intervals.", ("resamples", "level"))
    _need(path, metrics["validation"], "validation.", ("images", "patients", "auroc"))
    _need(path, metrics["auroc"], "auroc.", ("mean",))
    for block, entries in (("auroc", metrics["auroc"]), ("validation.auroc", metrics["validation"]["auroc"])):
        _need(path, entries, f"{block}.", ("mean", *findings_of(metrics)))
        for name, entry in entries.items():
            keys = MEAN_KEYS if name == "mean" else FINDING_KEYS
            _need(path, entry, f"{block}.{name}.", keys)
            for key in keys:
                if not isinstance(entry[key], int | float | None):
                    raise UserError(f"{path}: '{block}.{name}.{key}' is {entry[key]!r}; allowed are numbers and null.")
    return metrics


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _need(path: Path, found: Any, where: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if not isinstance(found, dict) or key not in found:
            raise UserError(f"{path}: lacks '{where}{key}'; evaluate the group again.")
