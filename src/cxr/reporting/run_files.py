"""The folder of a finished run in, its files out: read, checked, and checked to belong together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.evaluation.auroc import auroc
from cxr.evaluation.fitted import THRESHOLDS, Fitted, read_fitted
from cxr.evaluation.metrics import findings_of, read_metrics
from cxr.evaluation.predictions import PARTS, Predictions, read_predictions

RECORD_KEYS = (
    *("group", "members", "findings", "data", "split", "smoke", "seed", "versions", "commit", "created", "hardware"),
    *(f"data.{key}" for key in ("name", "sources", "images", "patients", "rejected", "fallbacks", "crop_mode")),
    *("data.synthetic", "data.lung_dice", "split.name", "split.hash", "split.parts"),
    *(f"split.parts.{part}.{key}" for part in PARTS for key in ("images", "patients", "hash", "positives")),
)
MEMBER_KEYS = ("name", "network", "image_px", "parameters", "best_epoch", "epochs", "val_auroc", "seconds")
HISTORY_COLUMNS = ("epoch", "loss", "val_loss", "val_auroc")


@dataclass(frozen=True, eq=False)
class RunFiles:
    """What a report is made of; the heatmaps are read by `heatmaps`."""

    folder: Path
    record: dict[str, Any]
    """The group's run.json, with every key of RECORD_KEYS and, per member, of MEMBER_KEYS."""
    metrics: dict[str, Any]
    """metrics.json."""
    predictions: Predictions
    fitted: Fitted
    """calibration.json and thresholds.json."""
    histories: dict[str, pd.DataFrame]
    """Member to its history.csv, columns HISTORY_COLUMNS as float64; members without the file are not in it."""


def read_run(folder: Path) -> RunFiles:
    """Read run.json, metrics.json, predictions.csv, both files of fits and each member's history.csv.

    Raises UserError naming file and key for what is missing or broken, and for a metrics.json that was not measured on
    this predictions.csv, or with these fits: a report of two different runs would be worse than none.
    """
    record = _read_record(folder / "run.json")
    metrics = read_metrics(folder / "metrics.json")
    predictions = read_predictions(folder / "predictions.csv")
    _check_same_run(folder, metrics, predictions)
    fitted = read_fitted(folder)
    _check_same_fits(folder, metrics, fitted)
    paths = {member["name"]: folder / member["name"] / "history.csv" for member in record["members"]}
    histories = {name: _read_history(path) for name, path in paths.items() if path.exists()}
    return RunFiles(folder, record, metrics, predictions, fitted, histories)


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; train the group first.")
    record = read_json(path)
    for key in RECORD_KEYS:
        found = record
        for step in key.split("."):
            if not isinstance(found, dict) or step not in found:
                raise UserError(f"{path}: lacks '{key}'; a group's run record has it.")
            found = found[step]
    for place, member in enumerate(record["members"]):
        for key in MEMBER_KEYS:
            if key not in member:
                raise UserError(f"{path}: lacks 'members.{place}.{key}'; a group's run record has it.")
    return record


def _check_same_run(folder: Path, metrics: dict[str, Any], predictions: Predictions) -> None:
    test = predictions.part("test")
    measured = [metrics["auroc"].get(finding, {}).get("value") for finding in predictions.findings]
    measured = np.array([np.nan if value is None else value for value in measured])
    same_values = np.allclose(measured, auroc(test.labels, test.probabilities), rtol=0, atol=1e-9, equal_nan=True)
    if findings_of(metrics) != predictions.findings or metrics["images"] != len(test.image_ids) or not same_values:
        raise UserError(
            f"{folder / 'metrics.json'}: was not measured on {folder / 'predictions.csv'}; evaluate the group again."
        )


def _check_same_fits(folder: Path, metrics: dict[str, Any], fitted: Fitted) -> None:
    fits, measured = fitted.thresholds.fits, metrics["operating_point"]["findings"]
    cuts = {finding: {fit.findings[finding].threshold for fit in fits.values()} for finding in findings_of(metrics)}
    same = all(measured[finding]["threshold"] in (*cut, None) for finding, cut in cuts.items())
    if fitted.method != metrics["fitted"]["calibration"] or not same:
        raise UserError(
            f"{folder / 'metrics.json'}: was not measured with {folder / THRESHOLDS}; evaluate the group again."
        )


def _read_history(path: Path) -> pd.DataFrame:
    try:
        history = pd.read_csv(path)
    except ValueError as error:  # pandas' errors for empty and malformed files, and of UTF-8, are ValueErrors
        raise UserError(f"{path}: is not a CSV table ({error}).") from error
    for column in HISTORY_COLUMNS:
        if column not in history:
            raise UserError(f"{path}: lacks column '{column}'; needed are {', '.join(HISTORY_COLUMNS)}.")
    try:
        return history[list(HISTORY_COLUMNS)].astype(np.float64)
    except ValueError as error:
        raise UserError(f"{path}: holds a cell that is no number ({error}).") from error
