"""A group and a store in; every member trained, their probabilities averaged, predictions.csv and run.json out."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.crops import predict_rows
from cxr.classification.member import load_member, train_member
from cxr.classification.networks.classifier import build_classifier
from cxr.classification.runs import PREDICTIONS, RUN, check_group, member_inputs, other_parameters, read_run
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.record import differences, hash_of_file, machine_record
from cxr.engines.engine import open_engine
from cxr.evaluation.predictions import Predictions, write_predictions
from cxr.preparation.store import Store
from cxr.training.epochs import BEST, HISTORY, LAST

PREDICTED_PARTS = ("val", "test")
Progress = Callable[[str], Callable[[int, int], None]]


def train_group(
    group: str,
    params: Params,
    store: Store,
    folder: Path,
    engine: str,
    overwrite: bool,
    smoke: bool,
    progress: Progress,
) -> tuple[dict[str, Any], list[str]]:
    """Train the members in turn and average them; return the group's run.json and the names of the members trained now.

    A finished member with the same inputs is kept. One with other inputs stops the run with a UserError that says what
    differs, unless `overwrite`.
    """
    members = params.group(group)
    inputs = {member: member_inputs(params, member, store) for member in members}
    existing = None if overwrite else read_run(folder)
    if existing:
        check_group(existing, members, inputs, folder)
    todo = [member for member in members if not _is_finished(folder / member, inputs[member], overwrite)]
    for member in todo[1:]:  # what cannot be built is said before hours of training, not after
        build_classifier(params.members[member], len(store.findings))
    runs = []
    for number, member in enumerate(members):
        if member in todo:
            on_progress = progress(f"{member} ({number + 1} of {len(members)}): training")
            settings = (params.members[member], params.training_of(member), store, params.seed)
            runs.append(train_member(member, *settings, inputs[member], folder / member, on_progress))
        else:
            runs.append(read_run(folder / member))
    if todo or existing is None or not _has_predictions(existing, members, folder):
        _forget_results(folder)
        _predict_group(members, params, store, folder, engine, progress)
        existing = _describe(group, runs, params, store) | {"smoke": smoke, "members_inputs": inputs}
        existing["predictions_hash"] = hash_of_file(folder / PREDICTIONS)
        write_json(folder / RUN, existing)
    return existing, todo


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


def _has_predictions(record: dict[str, Any], members: list[str], folder: Path) -> bool:
    """Whether the predictions that the group's record stands for are all there, unchanged."""
    whole = folder / PREDICTIONS
    if not whole.is_file() or hash_of_file(whole) != record.get("predictions_hash"):
        return False
    return all((folder / member / PREDICTIONS).is_file() for member in members)


def _forget_results(folder: Path) -> None:
    """Remove what was made of earlier predictions, so that results of two runs never lie side by side."""
    for file in (RUN, PREDICTIONS, "metrics.json", "metrics.csv", "report.html", "gradcam/record.json"):
        (folder / file).unlink(missing_ok=True)


def _predict_group(
    members: list[str], params: Params, store: Store, folder: Path, engine: str, progress: Progress
) -> None:
    """Write predictions.csv of every member and of their mean, for val and test."""
    rows = np.flatnonzero(np.isin(store.parts, PREDICTED_PARTS))
    every = []
    for member in members:
        probabilities = predict_member(folder / member, store, rows, engine, progress(f"{member}: predicting"))
        every.append(probabilities)
        write_predictions(folder / member / PREDICTIONS, _as_predictions(store, rows, probabilities))
    write_predictions(folder / PREDICTIONS, _as_predictions(store, rows, np.mean(every, axis=0)))


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
