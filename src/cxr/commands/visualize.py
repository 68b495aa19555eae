"""`cxr visualize GROUP`: overlays of the heatmaps of the highest-scored test images of every finding."""

import argparse
import csv
from pathlib import Path

from cxr.classification.runs import check_run
from cxr.commands.context import group_dir, read_config
from cxr.commands.progress import show_progress
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.engines.startup import load_keras
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.prepare import open_prepared
from cxr.preparation.store import pooled


def run(options: argparse.Namespace) -> None:
    """Write gradcam/, unless it was written for the same predictions and parameters."""
    config = read_config(options)
    params = config.params
    folder = group_dir(config, options.group)
    source, target = folder / "predictions.csv", folder / "gradcam"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train or average {options.group} with the same options first")
    stores = open_prepared(config.settings, params)
    _, classifiers = check_run(params, options.group, folder, stores)
    inputs = fingerprint({"predictions": hash_of_file(source), "heatmaps": params.heatmaps})
    record = target / "record.json"
    if record.is_file() and read_json(record).get("inputs") == inputs and _pictures_are_there(target):
        print(f"visualize: unchanged: {target}")
        return
    load_keras()  # only now that there is something to draw
    from cxr.visualization.gallery import write_gallery

    record.unlink(missing_ok=True)
    count = write_gallery(
        {fold: [folder / one.name for one in classifiers if one.fold == fold] for fold in stores},
        read_predictions(source),
        pooled(stores),
        params.heatmaps,
        target,
        config.settings.engine,
        show_progress("heatmaps"),
        params.seed,
    )
    write_json(record, {"inputs": inputs, "pictures": count})
    print(f"visualize: {count} pictures written: {target}")


def _pictures_are_there(target: Path) -> bool:
    """Whether the index and every picture it names lie in gradcam/."""
    if not (target / "index.csv").is_file():
        return False
    with (target / "index.csv").open(newline="", encoding="utf-8") as stream:
        return all((target / row["file"]).is_file() for row in csv.DictReader(stream))
