"""Predictions in, metrics.json out (and back): every number per finding and over them, with intervals by patient."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation
from cxr.evaluation.delong import ASSUMPTION
from cxr.evaluation.disagreement import measure_disagreement, member_spread
from cxr.evaluation.fitted import Fitted, fit_on_validation
from cxr.evaluation.mean_auroc import LEVEL, mean_auroc
from cxr.evaluation.measured_part import Part, measure_part
from cxr.evaluation.members import measure_members, members_table, spread_over_seeds
from cxr.evaluation.metrics_table import FINDING_KEYS, metrics_table
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples
from cxr.evaluation.shift import compare_parts
from cxr.evaluation.studies import measure_studies
from cxr.evaluation.subgroups import measure_subgroups

MEMBERS = "members.csv"
BLOCK_KEYS = ("average_precision", "summary", "calibration", "operating_point", "at_half")
MEAN_KEYS = ("value", "low", "high", "findings")


def measure(
    predictions: Predictions,
    split: Mapping[str, Any],
    evaluation: Evaluation | None = None,
    seed: int = 0,
    folds: Mapping[str, Predictions] | None = None,
    fitted: Fitted | None = None,
    attributes: pd.DataFrame | None = None,
    members: Mapping[str, Sequence[Predictions]] | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
    studies: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Measure the test part, and validation beside it; the result is the content of `metrics.json`, free of NaN.

    A finding without positives or negatives has null for value and interval and says why in "reason"; it is left out
    of the mean, which says how many findings it is over. An interval needs positives and negatives of at least two
    patients each; otherwise it is null with a reason too. See `measured_part.measure_part` for the entries.

    Args:
        predictions: raw, of at least one test image.
        split: "split" of the group's run.json (name, hash, parts); copied, with the part measured added.
        evaluation: how to measure; the defaults when not given.
        seed: of the resamples.
        folds: with cross-validation, fold -> predictions of its val and test part; `predictions` are then those of all
            test parts together, and "folds" has the mean AUROC of each by itself.
        fitted: calibration and thresholds; fitted to the val part here when not given.
        attributes: of the images, for "subgroups" (see `attributes.attribute_table`); null without.
        members: of a group of several, member -> its predictions, one per fold: "members" has the mean AUROCs of each,
            and, without folds, "disagreement" says whether the group errs more where they differ.
        seeds: member with several seeds -> the names of these in `members`: "seeds" has mean and SD over them.
        studies: image_id -> study, for "studies" (see `studies.measure_studies`).

    Raises UserError when no prediction is of the test part.
    """
    test = predictions.part("test")
    if len(test.image_ids) == 0:
        held = ", ".join(np.unique(predictions.splits))
        raise UserError(f"The predictions hold no image of the test part of the split; they hold only: {held}.")
    evaluation = evaluation or Evaluation()
    fitted = fitted or fit_on_validation(predictions, split, evaluation, folds)
    part = _part(test, "test", fitted, folds)
    val = _part(predictions.part("val"), "val", fitted, folds)
    resamples = Resamples.of(test.patient_ids, evaluation.resamples, seed)
    of_val = Resamples.of(val.predictions.patient_ids, evaluation.resamples, seed)
    measured, validation = (
        measure_part(one, drawn, evaluation.bins, LEVEL) for one, drawn in ((part, resamples), (val, of_val))
    )
    rule, members = fitted.rule, members or {}
    alone = measure_members(members, evaluation.resamples, seed, LEVEL)
    in_one_piece = not folds and all(len(by_fold) == 1 for by_fold in members.values())
    each = [by_fold[0] for by_fold in members.values()] if in_one_piece else []
    return {
        "split": {**split, "part": "test"},
        "intervals": {
            "method": "bootstrap over patients",
            **{"resamples": evaluation.resamples, "level": LEVEL, "seed": seed},
        },
        "members": alone,
        "seeds": spread_over_seeds(alone, seeds or {}),
        "delong": ASSUMPTION,
        "fitted": {
            **{"split": fitted.calibration.split.model_dump(), "calibration": fitted.method},
            "operating_point": {"name": rule.name, "value": rule.target},
        },
        **measured.block,
        "validation": validation.block,
        "shift": compare_parts(validation.estimates, measured.estimates, predictions.findings, LEVEL, seed),
        "subgroups": None
        if attributes is None
        else {
            "min_positives": evaluation.min_positives,
            "attributes": measure_subgroups(part, attributes, resamples, evaluation.min_positives, LEVEL),
        },
        "studies": measure_studies(test, studies or {}, evaluation.resamples, seed, LEVEL),
        "disagreement": measure_disagreement(part, member_spread(test, each), resamples, LEVEL)
        if len(each) > 1
        else None,
        "folds": {fold: _of_fold(fold, one.part("test"), evaluation, seed) for fold, one in (folds or {}).items()},
    }


def _part(rows: Predictions, name: str, fitted: Fitted, folds: Mapping[str, Predictions] | None) -> Part:
    applied = fitted.applied(rows, folds) if name == "test" else None  # to val it was fitted
    return Part(name, rows, *fitted.apply(rows, folds), fitted.missing_thresholds(rows.findings), applied)


def _of_fold(fold: str, test: Predictions, evaluation: Evaluation, seed: int) -> dict[str, Any]:
    mean = mean_auroc(test, f"test of fold {fold}", evaluation.resamples, seed)
    return {
        "images": len(test.image_ids),
        "patients": len(np.unique(test.patient_ids)),
        "auroc": {"mean": mean},
    }


def findings_of(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The findings of `metrics.json` in order, without the mean."""
    return tuple(name for name in metrics["auroc"] if name != "mean")


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write `metrics.json` atomically, and beside it `metrics.csv`: the test part, one row per finding and the mean.

    Where members were measured, `members.csv` has these; an earlier one is removed otherwise.
    """
    write_json(path, metrics)
    if metrics["members"]:
        write_text(path.with_name(MEMBERS), members_table(metrics))
    else:
        path.with_name(MEMBERS).unlink(missing_ok=True)
    write_text(path.with_suffix(".csv"), metrics_table(metrics))


def read_metrics(path: Path) -> dict[str, Any]:
    """Read `metrics.json`; UserError naming file and key for one that is missing, broken or of another shape."""
    try:
        metrics = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); evaluate the group first.") from error
    except ValueError as error:  # also of UTF-8 and of NaN
        raise UserError(f"{path}: is not valid JSON ({error}); evaluate the group again.") from error
    _need(path, metrics, "", ("split", "intervals", "images", "patients", "auroc", "validation", "members", "seeds"))
    _need(path, metrics, "", ("fitted", *BLOCK_KEYS, "shift", "subgroups", "studies", "disagreement", "folds"))
    _need(path, metrics["validation"], "validation.", BLOCK_KEYS)
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
