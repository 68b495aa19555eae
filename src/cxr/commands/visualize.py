"""`cxr visualize GROUP`: Grad-CAM overlays of the highest-scored test images of every finding."""

import argparse

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.engines.startup import load_keras
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.prepare import prepared_files
from cxr.preparation.store import open_store


def run(options: argparse.Namespace) -> None:
    """Write gradcam/, unless it was written for the same predictions and parameters."""
    config = read_config(options)
    params = config.params
    members = params.group(options.group)
    folder = config.group_dir(options.group)
    source, target = folder / "predictions.csv", folder / "gradcam"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train the group {options.group} with the same options first")
    inputs = fingerprint({"predictions": hash_of_file(source), "heatmaps": params.heatmaps})
    record = target / "record.json"
    if record.is_file() and read_json(record).get("inputs") == inputs:
        print(f"visualize: unchanged: {target}")
        return
    store = open_store(prepared_files(config.settings, params), params.findings.names)
    load_keras()  # only now that there is something to draw
    from cxr.visualization.gallery import write_gallery

    record.unlink(missing_ok=True)
    count = write_gallery(
        [folder / member for member in members],
        read_predictions(source),
        store,
        params.heatmaps,
        target,
        config.settings.engine,
        show_progress("heatmaps"),
    )
    write_json(record, {"inputs": inputs, "pictures": count})
    print(f"visualize: {count} pictures written: {target}")
