"""`cxr compare RUN ...`: predictions of several runs in; paired differences as table, CSV, JSON and figure out."""

import argparse
import re

from cxr.classification.compared import find_runs, origins, split_name
from cxr.commands.context import read_config
from cxr.config.errors import UserError
from cxr.config.params import checked_group
from cxr.evaluation.comparison import compare_runs
from cxr.reporting.comparison import comparison_lines, write_comparison

LONGEST_NAME = 80


def run(options: argparse.Namespace) -> None:
    """Compare all runs with the first, write the result into models/comparisons/ and print it."""
    config = read_config(options)
    runs = find_runs(config, options.runs)
    folder = config.comparison_dir(_name(options.name, list(runs)))
    predictions = {name: run.predictions for name, run in runs.items()}
    evaluation, seed = config.params.evaluation, config.params.seed
    comparison = compare_runs(predictions, evaluation.resamples, seed, split=split_name(runs.values()))
    comparison["files"] = origins({name: run.file for name, run in runs.items()}, folder)
    write_comparison(folder, comparison)
    print("\n".join(f"compare: {line}" for line in comparison_lines(comparison)))
    print(f"compare: written: {folder / 'compare.json'}, compare.csv, compare.png")


def _name(given: str | None, runs: list[str]) -> str:
    if given is None:
        return re.sub(r"[^\w. -]+", "_", "-vs-".join(runs))[:LONGEST_NAME].strip(" .-") or "runs"
    try:
        return checked_group(given)
    except ValueError as error:
        raise UserError(f"--name: {error}") from error
