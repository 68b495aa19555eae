"""Finished models from anywhere in, a group's folder out as training leaves it: links, predictions.csv, run.json."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.execution import Execution
from cxr.classification.found import MODEL, FoundModel, average_jobs
from cxr.classification.group import forget_results, has_predictions, predict_group
from cxr.classification.group_record import describe_group
from cxr.classification.jobs import Job
from cxr.classification.runs import PREDICTIONS, RUN, is_averaged, is_foreign, read_run
from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.record import hash_of_file
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.store import Store, pooled
from cxr.training.epochs import HISTORY

COPIED = (RUN, HISTORY, PREDICTIONS)


def average_models(
    name: str,
    models: Sequence[FoundModel],
    params: Params,
    stores: Mapping[str, Store],
    folder: Path,
    how: Execution,
) -> tuple[dict[str, Any], bool]:
    """Make the models a group in `folder`; return its run.json, and whether something had to be done.

    stores: fold -> store. The models are linked, or copied where links are not possible; what lies in their own folders
    is not changed. Predictions of members trained here are taken over where they are whole. Raises UserError for models
    that do not go together (see `found.average_jobs`), for another average in `folder` unless it may be overwritten,
    and for anything else there.
    """
    pairs = average_jobs(models, params, stores)
    jobs = [job for _, job in pairs]
    made_of = {job.name: hash_of_file(model.folder / MODEL) for model, job in pairs}
    averaged = {"seed": params.seed, "models": made_of, "splits": [store.split["hash"] for store in stores.values()]}
    existing = _existing(folder, averaged, how.overwrite)
    if existing and existing.get("predictions_hash") and has_predictions(existing, made_of, folder):
        return existing, False
    forget_results(folder)
    write_json(folder / RUN, {"averaged": averaged})  # so that a killed run is known for what it is
    for model, job in pairs:
        _take_files(model.folder, folder / job.name)
    predict_group(
        jobs,
        stores,
        folder,
        params.seed,
        how,
        known=lambda job, rows: _known(folder / job.name, job, rows),
    )
    runs = [model.run for model, _ in pairs]
    record = describe_group(name, jobs, runs, params, pooled(dict(stores))) | {
        "smoke": how.smoke,
        "averaged": averaged | {"folders": {job.name: str(model.folder) for model, job in pairs}},
        "foreign": [job.name for model, job in pairs if is_foreign(model.run)],
        "predictions_hash": hash_of_file(folder / PREDICTIONS),
    }
    write_json(folder / RUN, record)
    return record, True


def _existing(folder: Path, averaged: dict[str, Any], overwrite: bool) -> dict[str, Any] | None:
    """Return the record of the same average in `folder`, finished or not; another one is cleared with `overwrite`."""
    record = read_run(folder)
    if record is None and not (folder.is_dir() and any(folder.iterdir())):
        return None
    if record is None or not is_averaged(record):
        raise UserError(f"{folder}: holds something else than an average of finished models; choose another name")
    there = {key: record["averaged"][key] for key in averaged}
    if there == averaged:
        return record
    if not overwrite:
        names = ", ".join(there["models"])
        raise UserError(
            f"{folder}: holds an average of other models or of other data ({names}); choose another name, or "
            "--overwrite to replace it"
        )
    for name in there["models"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    return None


def _take_files(source: Path, target: Path) -> None:
    """Link a member's model into `target`, and copy what lies beside it; what an interrupted run left there stays.

    A link costs no space, and no step writes into a model's file; the small files are copied, for people may edit them.
    """
    for name in (MODEL, *COPIED):
        file = (source / name).resolve()
        if not file.is_file() or (target / name).is_file():
            continue
        with written_atomically(target / name) as part:
            try:
                (shutil.copy2 if name in COPIED else os.link)(file, part)
            except OSError:
                if name in COPIED:
                    raise
                shutil.copy2(file, part)  # another disk, or a file system without links


def _known(folder: Path, job: Job, rows: np.ndarray) -> np.ndarray | None:
    """Return the (n, K) probabilities that a member's predictions.csv holds for exactly these rows, else None.

    Of a model from elsewhere it may have been made of other crops of the same images, so it does not count.
    """
    if not (folder / PREDICTIONS).is_file() or is_foreign(read_run(folder) or {}):
        return None
    try:
        found = read_predictions(folder / PREDICTIONS)
    except UserError:
        return None  # damaged: predicted again
    store = job.store
    same = (
        found.findings == store.findings
        and np.array_equal(found.image_ids, store.image_ids[rows])
        and np.array_equal(found.splits, store.parts[rows])
        and np.array_equal(found.label_codes, store.labels[rows], equal_nan=True)
    )
    return found.probabilities if same else None
