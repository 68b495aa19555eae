"""A group and its stores in; every member trained, their probabilities averaged, predictions.csv and run.json out.

Without folds there is one store. With folds a member is trained once per fold (`tiny-f0`, `tiny-f1`, ...), predictions
of each fold's val and test part go to `predictions-f0.csv`, ..., and predictions.csv holds every image once, predicted
by the members that were trained without its fold.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.crops import predict_rows
from cxr.classification.member import load_member, train_member
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import PREDICTIONS, RUN, check_group, fold_name, member_inputs, other_parameters, read_run
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.record import differences, hash_of_file, machine_record
from cxr.engines.engine import open_engine
from cxr.evaluation.predictions import Predictions, write_predictions
from cxr.preparation.store import Store, pooled
from cxr.training.epochs import BEST, HISTORY, LAST

PREDICTED_PARTS = ("val", "test")
Progress = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True)
class _Job:
    """One classifier to be trained: a member of the group on one fold ("" where there is none)."""

    name: str
    member: str
    fold: str
    store: Store
    inputs: dict[str, Any]


def train_group(
    group: str,
    params: Params,
    stores: Mapping[str, Store],
    folder: Path,
    engine: str,
    overwrite: bool,
    smoke: bool,
    progress: Progress,
) -> tuple[dict[str, Any], list[str]]:
    """Train the members in turn and average them; return the group's run.json and the names of the members trained now.

    stores: fold -> store. A finished member with the same inputs is kept. One with other inputs stops the run with a
    UserError that says what differs, unless `overwrite`.
    """
    jobs = [
        _Job(fold_name(member, fold), member, fold, store, member_inputs(params, member, store))
        for fold, store in stores.items()
        for member in params.group(group)
    ]
    inputs = {job.name: job.inputs for job in jobs}
    existing = None if overwrite else read_run(folder)
    if existing:
        check_group(existing, list(inputs), inputs, folder)
    todo = [job for job in jobs if not _is_finished(folder / job.name, job.inputs, overwrite)]
    for member in dict.fromkeys(job.member for job in todo[1:]):  # said before hours of training, not after
        build_classifier(params.members[member], len(params.findings.names))
    runs = [_train(job, number, jobs, params, folder, job in todo, progress) for number, job in enumerate(jobs, 1)]
    whole = pooled(dict(stores))
    if todo or existing is None or not _has_predictions(existing, inputs, folder):
        _forget_results(folder)
        _predict_group(jobs, stores, whole, folder, engine, progress)
        existing = _describe(group, runs, params, whole) | {"smoke": smoke, "members_inputs": inputs}
        existing["folds"] = [fold for fold in stores if fold]
        existing["predictions_hash"] = hash_of_file(folder / PREDICTIONS)
        write_json(folder / RUN, existing)
    return existing, [job.name for job in todo]


def _train(
    job: _Job, number: int, jobs: list[_Job], params: Params, folder: Path, needed: bool, progress: Progress
) -> dict[str, Any]:
    if not needed:
        return read_run(folder / job.name)
    on_progress = progress(f"{job.name} ({number} of {len(jobs)}): training")
    settings = (params.members[job.member], params.training_of(job.member), params.findings, job.store, params.seed)
    return train_member(job.name, *settings, job.inputs, folder / job.name, on_progress)


def _is_finished(folder: Path, inputs: dict[str, Any], overwrite: bool) -> bool:
    """Whether a finished member with these inputs lies there; with `overwrite` one with others, or damaged, is cleared.

    An unfinished member with the same inputs stays in either case: training goes on from its last whole epoch.
    """
    try:
        run = read_run(folder)
        changed = differences(run.get("inputs", {}), inputs) if run else []
    except UserError:
        if not overwrite:
            raise
        run, changed = None, ["run.json: damaged"]
    if changed and not overwrite:
        raise other_parameters(folder, changed)
    if changed:
        for file in (BEST, LAST, HISTORY, RUN):
            (folder / file).unlink(missing_ok=True)
        return False
    return bool(run and run.get("finished")) and (folder / BEST).is_file()


def _has_predictions(record: dict[str, Any], names: Mapping[str, Any], folder: Path) -> bool:
    """Whether the predictions that the group's record stands for are all there, unchanged."""
    whole = folder / PREDICTIONS
    if not whole.is_file() or hash_of_file(whole) != record.get("predictions_hash"):
        return False
    of_folds = [folder / f"{fold_name('predictions', fold)}.csv" for fold in record.get("folds", [])]
    return all(path.is_file() for path in [*of_folds, *(folder / name / PREDICTIONS for name in names)])


def _forget_results(folder: Path) -> None:
    """Remove what was made of earlier predictions, so that results of two runs never lie side by side."""
    measured = ("metrics.json", "metrics.csv", "calibration.json", "thresholds.json")
    for file in (RUN, PREDICTIONS, *measured, "report.html", "gradcam/record.json"):
        (folder / file).unlink(missing_ok=True)
    for file in folder.glob("predictions-f*.csv"):
        file.unlink()


def _predict_group(
    jobs: list[_Job], stores: Mapping[str, Store], whole: Store, folder: Path, engine: str, progress: Progress
) -> None:
    """Write predictions.csv of every member and of their mean, for val and test; then those of the whole."""
    out_of_fold = []
    for fold, store in stores.items():
        rows = np.flatnonzero(np.isin(store.parts, PREDICTED_PARTS))
        every = []
        for job in jobs:
            if job.fold != fold:
                continue
            probabilities = predict_member(folder / job.name, store, rows, engine, progress(f"{job.name}: predicting"))
            every.append(probabilities)
            write_predictions(folder / job.name / PREDICTIONS, _as_predictions(store, rows, probabilities))
        mean = np.mean(every, axis=0)
        name = f"{fold_name('predictions', fold)}.csv"
        write_predictions(folder / name, _as_predictions(store, rows, mean))
        out_of_fold.append(mean[store.parts[rows] == "test"])
    if len(stores) > 1:
        rows = np.arange(len(whole.image_ids))
        write_predictions(folder / PREDICTIONS, _as_predictions(whole, rows, np.concatenate(out_of_fold)))


def predict_member(
    folder: Path, store: Store, rows: np.ndarray, engine: str, on_progress: Callable[[int, int], None]
) -> np.ndarray:
    """Return (n, K) float64 probabilities of one finished member for the chosen rows of the store."""
    model = load_member(folder, store.findings)
    with tempfile.TemporaryDirectory() as files:
        runner = open_engine(model, engine, Path(files))
        found = predict_rows(lambda images: runner.run(images)[0], store, rows, model.input_shape[1], on_progress)
    return np.clip(found, 0, 1)


def _as_predictions(store: Store, rows: np.ndarray, probabilities: np.ndarray) -> Predictions:
    return Predictions(
        image_ids=store.image_ids[rows],
        patient_ids=store.patient_ids[rows],
        splits=store.parts[rows],
        findings=store.findings,
        probabilities=probabilities,
        label_codes=store.labels[rows].astype(np.float64),
    )


def _describe(group: str, runs: list[dict[str, Any]], params: Params, store: Store) -> dict[str, Any]:
    """Return the group's run.json: what ran, on which data and split."""
    record = store.record
    keys = ("name", "network", "image_px", "parameters", "best_epoch", "epochs", "val_auroc", "seconds")
    lungs = record["lungs"]
    return {
        "group": group,
        "members": [{key: run[key] for key in keys} for run in runs],
        "findings": list(store.findings),
        "data": {
            "name": "+".join(record["roots"]),
            "sources": list(record["roots"]),
            **{key: record[key] for key in ("images", "patients", "rejected", "fallbacks", "synthetic")},
            "crop_mode": record["crop"]["mode"],
            "lung_dice": {"value": lungs["dice"]["mean"], "images": lungs["pairs"]["test"]} if lungs else None,
        },
        "split": store.split,
        "seed": params.seed,
        **machine_record(),
    }
