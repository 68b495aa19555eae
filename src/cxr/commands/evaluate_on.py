"""`cxr evaluate GROUP --on FILE`: a finished group on the data of another SETTINGS file; results beside its own."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.external import external_params, patient_keys, unseen_rows
from cxr.classification.runs import PREDICTIONS, RUN, read_run
from cxr.commands.prepare import prepare_sources, read_all
from cxr.commands.progress import show_progress
from cxr.config.atomic import write_json, write_text
from cxr.config.errors import UserError
from cxr.config.load import Config, load_settings
from cxr.config.record import fingerprint, hash_of_file, machine_record
from cxr.config.settings import Settings
from cxr.datasets.manifest import read_table
from cxr.datasets.table import DESCRIPTION
from cxr.engines.startup import load_keras
from cxr.evaluation.attributes import attribute_table
from cxr.evaluation.fitted import read_fitted
from cxr.evaluation.metrics import measure, read_metrics, write_metrics
from cxr.evaluation.origin import origin_of
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.evaluation.split_record import split_of
from cxr.evaluation.studies import studies_of
from cxr.evaluation.two_samples import both_columns, both_table
from cxr.preparation.prepare import open_prepared
from cxr.preparation.store import Store, open_stores, pooled

MODEL = "model.keras"


def evaluate_on(options: argparse.Namespace, config: Config, folder: Path, record: dict[str, Any]) -> Path:
    """Prepare the other data, predict what the group has not seen of it, measure it; return the folder of results."""
    if record.get("folds"):
        raise UserError(
            f"{folder}: has folds, whose models have calibrations and thresholds of their own; train it once more with "
            "--set split.scheme=patients and an --experiment of its own, and give that to --on"
        )
    fitted, own = read_fitted(folder), read_metrics(folder / "metrics.json")
    home = open_prepared(config.settings, config.params)
    settings = _beside(load_settings(options.on, config.smoke), config.settings)
    sources = read_all(settings)
    try:
        params, lacking = external_params(config.params, [name for source in sources for name in source.findings])
        files, _ = prepare_sources(replace(config, settings=settings, params=params), sources)
        store = pooled(open_stores(files, params.findings, settings.zero_blanks))
        keys = patient_keys(store, settings)
        rows = unseen_rows(keys, home, config.settings)
    except UserError as error:
        raise UserError(f"{options.on}: {error}") from error
    seen = np.setdiff1d(np.arange(len(keys)), rows)
    counts = {"images": len(seen), "patients": len(np.unique(keys[seen]))}
    name = "+".join(settings.name_of(dataset) for dataset in settings.datasets)
    target = folder / "external" / name
    _tell(name, lacking, counts, record)
    models = {one["name"]: hash_of_file(folder / one["name"] / MODEL) for one in record["members"]}
    inputs = {
        **{"models": models, "views": record.get("members_predictions", {}), "seed": config.params.seed},
        **{"content": store.record["content"], "zero_blanks": list(store.zero_blanks)},
        **{"findings": params.findings.outputs, "rows": fingerprint(store.image_ids[rows].tolist())},
    }
    mark = fingerprint(inputs)
    if not _is_predicted(target, mark, options.overwrite):
        _predict(target, folder, record, store, rows, config)
        extra = {"external": name, "inputs": mark, "group": record["group"], "findings": list(store.findings)}
        extra |= {"not_labelled": lacking, "left_out": counts, "split": {"name": f"{name}, all test"}}
        extra["predictions_hash"] = hash_of_file(target / PREDICTIONS)
        write_json(target / RUN, extra | machine_record())
    predictions = read_predictions(target / PREDICTIONS)
    images = read_table(files.manifest, DESCRIPTION)
    attributes, studies = attribute_table(images), studies_of(images)
    split = split_of(predictions, f"{name}, all test")
    evaluation, seed = config.params.evaluation, config.params.seed
    metrics = measure(predictions, split, evaluation, seed, None, fitted, attributes, studies=studies)
    both = both_columns(own, metrics)
    write_text(target / "external.csv", both_table(both))
    write_metrics(target / "metrics.json", metrics | {"origin": origin_of(folder)})
    _say(own, metrics, both, name)
    return target


def _beside(other: Settings, home: Settings) -> Settings:
    """Return the other file's data sets and prepared folder; models, lungs and machine stay those of the group."""
    kept = {key: getattr(other, key) for key in ("datasets", "prepared_dir")}
    return home.model_copy(update=kept)


def _predict(
    target: Path, folder: Path, record: dict[str, Any], store: Store, rows: np.ndarray, config: Config
) -> None:
    load_keras()  # only now that there is something to predict
    from cxr.classification.applied import predict_group_rows

    (target / RUN).unlink(missing_ok=True)
    engine, seed = config.settings.engine, config.params.seed
    found = predict_group_rows(folder, record, store, rows, engine, seed, show_progress)
    write_predictions(target / PREDICTIONS, found)


def _is_predicted(target: Path, mark: str, overwrite: bool) -> bool:
    """Whether these very predictions lie there; UserError for those of other data or models, unless `overwrite`."""
    there = None if overwrite else read_run(target)
    if there is None:
        return False
    if there.get("inputs") != mark:
        raise UserError(
            f"{target}: holds results of other data, findings or models; give the data set another name in that "
            "SETTINGS file, or --overwrite to replace them"
        )
    file = target / PREDICTIONS
    return file.is_file() and hash_of_file(file) == there["predictions_hash"]


def _tell(name: str, lacking: list[str], counts: dict[str, int], record: dict[str, Any]) -> None:
    if lacking:
        print(f"evaluate: {name} does not label {', '.join(lacking)}: left out")
    if counts["images"]:
        print(
            f"evaluate: {counts['images']} images of {counts['patients']} patients of {name} were left out: the group "
            "was trained or validated on these patients"
        )
    for member in record.get("foreign", []):
        print(f"evaluate: {member} was not trained here; whether it has seen images of {name} is not known")


def _say(own: dict[str, Any], metrics: dict[str, Any], both: list[dict[str, Any]], name: str) -> None:
    print(
        f"evaluate: {metrics['images']} images of {metrics['patients']} patients of {name}; calibration and thresholds "
        f"are those of the group, fitted on val of split {own['split']['name']!r}"
    )
    width = max(len(row["finding"]) for row in both)
    print(f"evaluate: {'AUROC':<{width}}  {'own test':<21}  {name}")
    for row in (row for row in both if row["number"] == "auroc"):
        print(f"evaluate: {row['finding']:<{width}}  {_text(row, 'own'):<21}  {_text(row, 'external')}")


def _text(row: dict[str, Any], which: str) -> str:
    value, low, high = (row[f"{which}_{key}"] for key in ("value", "low", "high"))
    if value is None:
        return "not measurable"
    return f"{value:.3f}" + (f" ({low:.3f}-{high:.3f})" if low is not None else "")
