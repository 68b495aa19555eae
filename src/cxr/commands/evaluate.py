"""`cxr evaluate GROUP`: predictions.csv in, metrics.json and figures out; no Keras."""

import argparse
from pathlib import Path

from cxr.classification.runs import PREDICTIONS, RUN, check_group, check_predictions, parameter_inputs, run_names
from cxr.commands.context import read_config
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.evaluation.metrics import measure, read_metrics, write_metrics
from cxr.evaluation.predictions import read_predictions


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
    check_predictions(record, params, options.group, folder)
    file_hash = hash_of_file(source)
    if file_hash != record.get("predictions_hash"):
        raise UserError(f"{source}: is not the file that the run wrote; ./cxr train {options.group} predicts again")
    resamples, seed = params.evaluation.resamples, params.seed
    inputs = fingerprint({"predictions": file_hash, "resamples": resamples, "seed": seed})
    fresh = not _is_measured(target, inputs)
    if fresh:
        folds = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in record.get("folds", [])}
        metrics = measure(read_predictions(source), record["split"], resamples, seed, folds)
        write_metrics(target, metrics | {"inputs": inputs})
    metrics = read_metrics(target)
    mean, split = metrics["auroc"]["mean"], metrics["split"]
    interval = f" (95 % interval {mean['low']:.3f}-{mean['high']:.3f})" if mean["low"] is not None else ""
    value = "not measurable" if mean["value"] is None else f"{mean['value']:.3f}{interval}"
    part = "out of fold" if metrics.get("folds") else split["part"]
    print(f"evaluate: mean AUROC {value} over {mean['findings']} findings, {part} of split {split['name']!r}")
    print(f"evaluate: {'written' if fresh else 'unchanged'}: {target}")


def _is_measured(target: Path, inputs: str) -> bool:
    """Whether metrics.json, whole and with its table beside it, was measured on these inputs."""
    if not target.is_file() or not target.with_suffix(".csv").is_file():
        return False
    try:
        return read_metrics(target).get("inputs") == inputs
    except UserError:
        return False  # damaged: measured again
