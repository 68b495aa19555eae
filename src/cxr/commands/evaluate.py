"""`cxr evaluate GROUP`: predictions.csv in; metrics.json, calibration.json and thresholds.json out; no Keras."""

import argparse
from pathlib import Path

from cxr.classification.runs import PREDICTIONS, RUN, check_group, parameter_inputs, run_names
from cxr.commands.context import read_config
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.datasets.manifest import read_table
from cxr.datasets.table import DESCRIPTION
from cxr.evaluation.attributes import attribute_table
from cxr.evaluation.fitted import fit_on_validation, read_fitted
from cxr.evaluation.metrics import measure, read_metrics, write_metrics
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.prepare import prepared_files

FORM = 2
"""Of metrics.json: a file of another form is measured again."""


def run(options: argparse.Namespace) -> None:
    """Measure the group's predictions, unless that was done for the same file and parameters."""
    config = read_config(options)
    params = config.params
    members = params.group(options.group)
    folder = config.group_dir(options.group)
    source, target = folder / PREDICTIONS, folder / "metrics.json"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train the group {options.group} with the same options first")
    record = read_json(folder / RUN)
    names = run_names(record, members)
    wanted = {name: parameter_inputs(params, member) for name, member in names.items()}
    check_group(record, list(names), wanted, folder)
    file_hash = hash_of_file(source)
    if file_hash != record.get("predictions_hash"):
        raise UserError(f"{source}: is not the file that the run wrote; ./cxr train {options.group} predicts again")
    evaluation, seed, single = params.evaluation, params.seed, params.findings.single
    manifest = prepared_files(config.settings, params).manifest
    subgroups = hash_of_file(manifest) if manifest.is_file() else None
    inputs = fingerprint(
        {"predictions": file_hash, "evaluation": evaluation, "seed": seed, "subgroups": subgroups, "form": FORM}
    )
    fresh = not _is_measured(target, inputs)
    if fresh:
        predictions = read_predictions(source)
        folds = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in record.get("folds", [])}
        fitted = fit_on_validation(predictions, record["split"], evaluation, folds, single)
        attributes = attribute_table(read_table(manifest, DESCRIPTION)) if subgroups else None
        each = [] if folds or len(names) < 2 else [read_predictions(folder / name / PREDICTIONS) for name in names]
        metrics = measure(predictions, record["split"], evaluation, seed, folds, fitted, attributes, each)
        target.unlink(missing_ok=True)  # written last: what is there belongs to the fits beside it
        fitted.write(folder)
        write_metrics(target, metrics | {"inputs": inputs})
    metrics = read_metrics(target)
    mean, split = metrics["auroc"]["mean"], metrics["split"]
    interval = f" (95 % interval {mean['low']:.3f}-{mean['high']:.3f})" if mean["low"] is not None else ""
    value = "not measurable" if mean["value"] is None else f"{mean['value']:.3f}{interval}"
    part = "out of fold" if metrics.get("folds") else split["part"]
    print(f"evaluate: mean AUROC {value} over {mean['findings']} findings, {part} of split {split['name']!r}")
    print(f"evaluate: {'written' if fresh else 'unchanged'}: {target}")


def _is_measured(target: Path, inputs: str) -> bool:
    """Whether metrics.json, whole and with its table and fits beside it, was measured on these inputs."""
    if not target.is_file() or not target.with_suffix(".csv").is_file():
        return False
    try:
        read_fitted(target.parent)
        return read_metrics(target).get("inputs") == inputs
    except UserError:
        return False  # damaged: measured again
