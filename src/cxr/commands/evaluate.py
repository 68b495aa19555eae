"""`cxr evaluate GROUP`: predictions.csv in, metrics.json and figures out; no Keras."""

import argparse

from cxr.commands.context import read_config
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.evaluation.metrics import measure, read_metrics, write_metrics
from cxr.evaluation.predictions import read_predictions


def run(options: argparse.Namespace) -> None:
    """Measure the group's predictions, unless that was done for the same file and parameters."""
    config = read_config(options)
    config.params.group(options.group)
    folder = config.group_dir(options.group)
    source, target = folder / "predictions.csv", folder / "metrics.json"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train the group {options.group} with the same options first")
    resamples, seed = config.params.evaluation.resamples, config.params.seed
    inputs = fingerprint({"predictions": hash_of_file(source), "resamples": resamples, "seed": seed})
    fresh = not target.is_file() or read_metrics(target).get("inputs") != inputs
    if fresh:
        record = read_json(folder / "run.json")
        metrics = measure(read_predictions(source), record["split"], resamples, seed)
        write_metrics(target, metrics | {"inputs": inputs})
    metrics = read_metrics(target)
    mean, split = metrics["auroc"]["mean"], metrics["split"]
    interval = f" (95 % interval {mean['low']:.3f}-{mean['high']:.3f})" if mean["low"] is not None else ""
    value = "not measurable" if mean["value"] is None else f"{mean['value']:.3f}{interval}"
    print(f"evaluate: mean AUROC {value} over {mean['findings']} findings, {split['part']} of split {split['name']!r}")
    print(f"evaluate: {'written' if fresh else 'unchanged'}: {target}")
