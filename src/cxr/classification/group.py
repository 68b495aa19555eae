"""A group and its stores in; every member trained, their probabilities averaged, predictions.csv and run.json out.

A member with several seeds is trained with each (`tiny-s0`, `tiny-s1`, ...), and each counts as a member. Without folds
there is one store. With folds a member is trained once per fold (`tiny-f0`, `tiny-f1`, ...), predictions of each fold's
val and test part go to `predictions-f0.csv`, ..., and predictions.csv holds every image once, predicted by the members
that were trained without its fold.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.classifiers import fold_name
from cxr.classification.execution import Execution
from cxr.classification.group_record import describe_group
from cxr.classification.jobs import Job, group_jobs
from cxr.classification.member import load_member, train_member
from cxr.classification.networks.first_weights import begin_classifier
from cxr.classification.runs import PREDICTIONS, RUN, check_group, other_parameters, predicted_otherwise, read_run
from cxr.classification.training_data import prepare_data
from cxr.classification.views import predict_views
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.member import Views
from cxr.config.params import Params
from cxr.config.record import differences, hash_of_file
from cxr.engines.engine import open_engine
from cxr.evaluation.predictions import Predictions, write_predictions
from cxr.preparation.store import Store, pooled
from cxr.training.epochs import BEST, forget_training
from cxr.training.forgetting import forget_models

PREDICTED_PARTS = ("val", "test")
Known = Callable[[Job, np.ndarray], np.ndarray | None]
"""(n, K) probabilities that a job's folder already holds for these n rows of its store, or None."""


def train_group(
    group: str,
    params: Params,
    stores: Mapping[str, Store],
    folder: Path,
    how: Execution,
    parts: Sequence[str] = PREDICTED_PARTS,
) -> tuple[dict[str, Any], list[str]]:
    """Train the members in turn and average them; return the group's run.json and the names of the members trained now.

    stores: fold -> store. parts: those that are predicted; images of the others are not read, but for training and for
    choosing the epoch. A finished member with the same inputs is kept. One with other inputs stops the run with a
    UserError that says what differs, unless it may be overwritten. Where only the predictions are to be made otherwise,
    they are made again and nothing is trained.
    """
    jobs = group_jobs(params, group, stores)
    inputs = {job.name: job.inputs for job in jobs}
    existing = None if how.overwrite else read_run(folder)
    if existing:
        check_group(existing, list(inputs), inputs, folder)
    todo = [job for job in jobs if not _is_finished(folder / job.name, job.inputs, how.overwrite)]
    for member in dict.fromkeys(job.classifier.member for job in todo[1:]):  # said before hours of training, not after
        precision = params.training_of(member).precision
        begin_classifier(params.members[member], params.findings.names, params.findings.single, precision)
    for job in todo[1:]:
        _check_data(job, params)
    runs = [_train(job, number, jobs, params, folder, job in todo, how) for number, job in enumerate(jobs, 1)]
    views = {job.name: {"views": job.views} for job in jobs}
    outdated = existing is None or predicted_otherwise(existing, views)
    if todo or outdated or not has_predictions(existing, inputs, folder):
        forget_results(folder)
        predict_group(jobs, stores, folder, params.seed, how, parts)
        existing = describe_group(group, jobs, runs, params, pooled(dict(stores))) | {"smoke": how.smoke}
        existing["predictions_hash"] = hash_of_file(folder / PREDICTIONS)
        write_json(folder / RUN, existing)
    return existing, [job.name for job in todo]


def _check_data(job: Job, params: Params) -> None:
    """Raise a UserError that names the member when it could not be trained on its data."""
    member = job.classifier.member
    own = params.members[member], params.training_of(member), params.findings
    try:
        prepare_data(*own, job.store, job.inputs["seed"])
    except UserError as error:
        raise UserError(f"{job.name}: {error}") from error


def _train(
    job: Job,
    number: int,
    jobs: list[Job],
    params: Params,
    folder: Path,
    needed: bool,
    how: Execution,
) -> dict[str, Any]:
    if not needed:
        return read_run(folder / job.name)
    told = how.progress(f"{job.name} ({number} of {len(jobs)}): training")
    (folder / job.name / PREDICTIONS).unlink(missing_ok=True)  # of an earlier training, never beside another model
    member, seed = job.classifier.member, job.inputs["seed"]
    settings = (params.members[member], params.training_of(member), params.findings, job.store, seed)
    run = train_member(job.name, *settings, job.inputs, folder / job.name, told, how.devices)
    forget_models()
    return run


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
        forget_training(folder)
        (folder / RUN).unlink(missing_ok=True)
        return False
    return bool(run and run.get("finished")) and (folder / BEST).is_file()


def has_predictions(record: dict[str, Any], names: Mapping[str, Any], folder: Path) -> bool:
    """Whether the predictions that the group's record stands for are all there, unchanged."""
    whole = folder / PREDICTIONS
    if not whole.is_file() or hash_of_file(whole) != record.get("predictions_hash"):
        return False
    of_folds = [folder / f"{fold_name('predictions', fold)}.csv" for fold in record.get("folds", [])]
    return all(path.is_file() for path in [*of_folds, *(folder / name / PREDICTIONS for name in names)])


def forget_results(folder: Path) -> None:
    """Remove what was made of earlier predictions, so that results of two runs never lie side by side."""
    measured = ("metrics.json", "metrics.csv", "members.csv", "calibration.json", "thresholds.json")
    for file in (RUN, PREDICTIONS, *measured, "report.html", "gradcam/record.json"):
        (folder / file).unlink(missing_ok=True)
    for file in folder.glob("predictions-f*.csv"):
        file.unlink()
    for elsewhere in ("external", "relabelled"):
        shutil.rmtree(folder / elsewhere, ignore_errors=True)


def predict_group(
    jobs: Sequence[Job],
    stores: Mapping[str, Store],
    folder: Path,
    seed: int,
    how: Execution,
    parts: Sequence[str] = PREDICTED_PARTS,
    known: Known | None = None,
) -> None:
    """Write predictions.csv of every member, unless it is known, and of their mean; with folds also of the whole.

    seed: of views that are drawn at random.
    """
    out_of_fold = []
    for fold, store in stores.items():
        rows = np.flatnonzero(np.isin(store.parts, parts))
        every = []
        for job in (job for job in jobs if job.fold == fold):
            probabilities = known(job, rows) if known else None
            if probabilities is None:
                told = how.progress(f"{job.name}: predicting")
                probabilities = predict_member(folder / job.name, store, rows, how.engine, told, job.views, seed)
                forget_models()
                write_predictions(folder / job.name / PREDICTIONS, as_predictions(store, rows, probabilities))
            every.append(probabilities)
        mean = np.mean(every, axis=0)
        name = f"{fold_name('predictions', fold)}.csv"
        write_predictions(folder / name, as_predictions(store, rows, mean))
        out_of_fold.append(mean[store.parts[rows] == "test"])
    if len(stores) > 1:
        whole = pooled(dict(stores))
        rows = np.arange(len(whole.image_ids))
        write_predictions(folder / PREDICTIONS, as_predictions(whole, rows, np.concatenate(out_of_fold)))


def predict_member(
    folder: Path,
    store: Store,
    rows: np.ndarray,
    engine: str,
    on_progress: Callable[[int, int], None],
    views: Views = "one",
    seed: int = 0,
) -> np.ndarray:
    """Return (n, K) float64 probabilities of one finished member for the chosen rows of the store.

    seed: of views that are drawn at random.
    """
    model = load_member(folder, store.findings)
    with tempfile.TemporaryDirectory() as files:
        runner = open_engine(model, engine, Path(files))
        image_px = model.input_shape[1]
        found = predict_views(lambda images: runner.run(images)[0], views, store, rows, image_px, seed, on_progress)
    return np.clip(found, 0, 1)


def as_predictions(store: Store, rows: np.ndarray, probabilities: np.ndarray) -> Predictions:
    """Return what predictions.csv holds of rows of a store and their (n, K) probabilities."""
    return Predictions(
        image_ids=store.image_ids[rows],
        patient_ids=store.patient_ids[rows],
        splits=store.parts[rows],
        findings=store.findings,
        probabilities=probabilities,
        label_codes=store.labels[rows].astype(np.float64),
    )
