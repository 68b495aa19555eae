"""`cxr evaluate GROUP`: predictions.csv in; metrics.json, calibration.json and thresholds.json out; no Keras."""

import argparse
from pathlib import Path
from typing import Any

from cxr.classification.classifiers import Classifier, seed_groups
from cxr.classification.runs import PREDICTIONS, check_run, is_averaged
from cxr.commands.context import group_dir, read_config
from cxr.commands.evaluate_labels import evaluate_labels
from cxr.commands.evaluate_on import evaluate_on
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file
from cxr.datasets.manifest import read_table
from cxr.datasets.table import DESCRIPTION
from cxr.evaluation.attributes import attribute_table
from cxr.evaluation.fitted import fit_on_validation, read_fitted
from cxr.evaluation.metrics import MEMBERS, measure, read_metrics, write_metrics
from cxr.evaluation.predictions import read_predictions
from cxr.evaluation.studies import studies_of
from cxr.preparation.prepare import prepared_files
from cxr.reporting.wording import counted

FORM = 4
"""Of metrics.json: a file of another form is measured again."""


def run(options: argparse.Namespace) -> None:
    """Measure the group's predictions, unless that was done for the same file and parameters."""
    config = read_config(options)
    params = config.params
    folder = group_dir(config, options.group)
    source, target = folder / PREDICTIONS, folder / "metrics.json"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train or average {options.group} with the same options first")
    record, classifiers = check_run(params, options.group, folder)
    file_hash = hash_of_file(source)
    if file_hash != record.get("predictions_hash"):
        step = "average" if is_averaged(record) else "train"
        raise UserError(f"{source}: is not the file that the run wrote; ./cxr {step} {options.group} predicts again")
    if options.on:
        print(f"evaluate: written: {evaluate_on(options, config, folder, record)}")
        return
    if options.labels:
        print(f"evaluate: written: {evaluate_labels(folder, params, options.labels)}")
        return
    evaluation, seed = params.evaluation, params.seed
    manifest = prepared_files(config.settings, params).manifest
    subgroups = hash_of_file(manifest) if manifest.is_file() else None
    of_members = _member_files(classifiers, folder)
    hashes = {name: [hash_of_file(file) for file in files if file.is_file()] for name, files in of_members.items()}
    inputs = fingerprint(
        {
            **{"predictions": file_hash, "members": hashes, "evaluation": evaluation, "seed": seed},
            **{"subgroups": subgroups, "form": FORM},
        }
    )
    fresh = not _is_measured(target, inputs)
    if fresh:
        predictions = read_predictions(source)
        folds = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in record.get("folds", [])}
        fitted = fit_on_validation(predictions, record["split"], evaluation, folds, params.findings.single)
        images = read_table(manifest, DESCRIPTION) if subgroups else None
        attributes, studies = (None, None) if images is None else (attribute_table(images), studies_of(images))
        members = {name: [read_predictions(file) for file in files] for name, files in of_members.items()}
        seeds = seed_groups(classifiers)
        metrics = measure(
            predictions, record["split"], evaluation, seed, folds, fitted, attributes, members, seeds, studies
        )
        target.unlink(missing_ok=True)  # written last: what is there belongs to the fits beside it
        fitted.write(folder)
        write_metrics(target, metrics | {"inputs": inputs})
    say_metrics("evaluate", read_metrics(target))
    print(f"evaluate: {'written' if fresh else 'unchanged'}: {target}")


def say_metrics(step: str, metrics: dict[str, Any]) -> None:
    """Print the mean AUROC with its interval, or why there is none, and that of members with several seeds."""
    mean, split = metrics["auroc"]["mean"], metrics["split"]
    part = f"{'out of fold' if metrics.get('folds') else split['part']} of split {split['name']!r}"
    print(f"{step}: {_with_interval(mean)} over {counted(mean['findings'], 'finding')}, {part}")
    studies = metrics["studies"]
    if "reason" not in studies:
        one = studies["auroc"]["mean"]
        print(f"{step}: {_with_interval(one)} per study, {studies['studies']} studies of {studies['images']} images")
    for member, spread in metrics["seeds"].items():
        one = spread["test"]
        value = "not measurable" if one["mean"] is None else f"{one['mean']:.3f}, SD {one['sd']:.3f}"
        print(f"{step}: {member} alone, {len(spread['members'])} seeds: mean AUROC {value}, {part}")


def _with_interval(mean: dict[str, Any]) -> str:
    if mean["low"] is not None:
        return f"mean AUROC {mean['value']:.3f} (95 % interval {mean['low']:.3f}-{mean['high']:.3f})"
    value = "not measurable" if mean["value"] is None else f"{mean['value']:.3f}"
    return f"mean AUROC {value} ({mean['reason']})"


def _member_files(classifiers: list[Classifier], folder: Path) -> dict[str, list[Path]]:
    """Return the predictions of each member, one per fold; none where the group has only one: it is that member."""
    files: dict[str, list[Path]] = {}
    for one in classifiers:
        files.setdefault(one.over_folds, []).append(folder / one.name / PREDICTIONS)
    return files if len(files) > 1 else {}


def _is_measured(target: Path, inputs: str) -> bool:
    """Whether metrics.json, whole and with its table and fits beside it, was measured on these inputs."""
    if not target.is_file() or not target.with_suffix(".csv").is_file():
        return False
    try:
        read_fitted(target.parent)
        found = read_metrics(target)
        return found.get("inputs") == inputs and (not found["members"] or target.with_name(MEMBERS).is_file())
    except UserError:
        return False  # damaged: measured again
