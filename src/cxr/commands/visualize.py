"""`cxr visualize GROUP`: heatmaps of the highest-scored test images, of a sample or all if asked, and their gallery."""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr.classification.runs import check_run, is_averaged
from cxr.commands.context import group_dir, read_config, worker_count
from cxr.commands.progress import show_progress
from cxr.config.atomic import write_json
from cxr.config.errors import UserError
from cxr.config.load import Config
from cxr.config.record import fingerprint, hash_of_file, hash_of_ids, read_json
from cxr.engines.startup import load_keras
from cxr.evaluation.fitted import CALIBRATION, THRESHOLDS, Fitted, read_fitted
from cxr.evaluation.predictions import Predictions, read_predictions
from cxr.preparation.prepare import open_prepared, prepared_files
from cxr.preparation.store import PreparedFiles, Store, pooled
from cxr.reporting.gallery_page import write_gallery_page

FORM = 2
"""Of the pictures: those of another form are drawn again."""
ALL, SAMPLE = "all", "sample"
RECORD = "record.json"
SCORING = {"boxes", "pointing_tolerance", "deletion_images"}
"""Keys of `heatmaps` that change no picture."""


def run(options: argparse.Namespace) -> None:
    """Write gradcam/, unless it was written for the same predictions and parameters."""
    config = read_config(options)
    params = config.params
    folder = group_dir(config, options.group)
    source, target = folder / "predictions.csv", folder / "gradcam"
    if not source.is_file():
        raise UserError(f"{source}: no such file; train or average {options.group} with the same options first")
    stores, files = open_prepared(config.settings, params), prepared_files(config.settings, params)
    record, classifiers = check_run(params, options.group, folder, stores)
    members = {fold: [folder / one.name for one in classifiers if one.fold == fold] for fold in stores}
    inputs = _inputs(folder, files, config, record, options.group)
    wanted = {"": fingerprint(inputs)}
    pictured = fingerprint(inputs | {"heatmaps": params.heatmaps.model_dump(exclude=SCORING | {"images_per_finding"})})
    if options.all:
        wanted[ALL] = pictured
    if options.sample:
        wanted[SAMPLE] = fingerprint({"pictures": pictured, "images": options.sample, "seed": params.seed})
    todo = [name for name, of in wanted.items() if not _is_drawn(target / name, of)]
    for name in [name for name in wanted if name not in todo]:
        print(f"visualize: unchanged: {target / name}")
    page = target / "gallery.html"
    if not todo and page.is_file():
        return
    sources = _sources(folder, members, files, pooled(stores), config, record)
    for name in todo:
        _draw(name, wanted[name], pictured, sources, target, options.sample, params.seed)
    shown = [name for name in ("", ALL, SAMPLE) if _record_of(target / name).get("pictured") == pictured]
    count = write_gallery_page(target, shown, sources.calls.findings, sources.calls.missing, options.group)
    print(f"visualize: gallery of {count:,} pictures: {page}")


def _draw(
    name: str, inputs: str, pictured: str, sources: Any, target: Path, per_finding: int | None, seed: int
) -> None:
    """Draw one folder of pictures, and leave its record."""
    load_keras()  # only now that there is something to draw
    from cxr.visualization.choices import choose_all, choose_sample
    from cxr.visualization.gallery import write_collection, write_highest

    folder, calls, store = target / name, sources.calls, sources.store
    record = folder / RECORD
    record.unlink(missing_ok=True)
    progress = show_progress(f"heatmaps, {name}" if name else "heatmaps")
    if name:
        choices = (
            choose_sample(calls, per_finding, seed)
            if name == SAMPLE
            else choose_all(calls, store.no_finding[calls.rows])
        )
        drawn, unread = write_collection(choices, sources, folder, inputs, progress)
    else:
        drawn, unread = write_highest(sources, folder, progress)
    write_json(record, {"inputs": inputs, "pictured": pictured, "pictures": len(drawn), "unread": len(unread)})
    images = len({one.image for one in drawn})
    lost = f", {len(unread)} images could not be drawn (errors.csv says why)" if unread else ""
    print(f"visualize: {len(drawn):,} pictures of {images:,} images of the test part written{lost}: {folder}")


def _inputs(
    folder: Path, files: PreparedFiles, config: Config, record: Mapping[str, Any], group: str
) -> dict[str, Any]:
    """What all pictures depend on; UserError for a predictions.csv of another run."""
    source = folder / "predictions.csv"
    predictions = hash_of_file(source)
    if predictions != record.get("predictions_hash"):
        step = "average" if is_averaged(record) else "train"
        raise UserError(f"{source}: is not the file that the run wrote; ./cxr {step} {group} predicts again")
    beside = (folder / CALIBRATION, folder / THRESHOLDS, files.boxes)
    hashes = {path.name: hash_of_file(path) for path in beside if path.is_file()}
    seed = config.params.seed  # of the noise of smooth_grad
    heatmaps = config.params.heatmaps.model_dump(exclude=SCORING)
    return {"predictions": predictions, "beside": hashes, "heatmaps": heatmaps, "seed": seed, "form": FORM}


def _sources(
    folder: Path,
    members: Mapping[str, Sequence[Path]],
    files: PreparedFiles,
    store: Store,
    config: Config,
    record: Mapping[str, Any],
) -> Any:
    load_keras()
    from cxr.visualization.calls import make_calls
    from cxr.visualization.drawing import Sources
    from cxr.visualization.originals import read_prepared
    from cxr.visualization.true_boxes import read_true_boxes

    predictions = read_predictions(folder / "predictions.csv")
    folds = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in record.get("folds", [])}
    fitted = _read_fits(folder, record, folds or {"": predictions})
    return Sources(
        folders=members,
        store=store,
        calls=make_calls(predictions, store, fitted, folds),
        prepared=read_prepared(files),
        true_boxes=read_true_boxes(files.boxes),
        heatmaps=config.params.heatmaps,
        engine=config.settings.engine,
        workers=worker_count(config.settings),
        seed=config.params.seed,
    )


def _read_fits(folder: Path, record: Mapping[str, Any], folds: Mapping[str, Predictions]) -> Fitted | None:
    """Return what was fitted on validation, None before the evaluation; UserError for fits to other predictions."""
    if not ((folder / CALIBRATION).is_file() or (folder / THRESHOLDS).is_file()):
        return None
    fitted = read_fitted(folder)
    hashes = {fold: hash_of_ids(one.part("val").image_ids) for fold, one in folds.items()}
    found = {fold: fit.images_hash for fold, fit in fitted.calibration.fits.items()}
    if fitted.calibration.split.hash != record["split"]["hash"] or hashes != found:
        raise UserError(f"{folder / CALIBRATION}: was not fitted to these predictions; evaluate the group again")
    return fitted


def _record_of(folder: Path) -> dict[str, Any]:
    return read_json(folder / RECORD) if (folder / RECORD).is_file() else {}


def _is_drawn(folder: Path, inputs: str) -> bool:
    """Whether the index and every picture it names lie there, all originals could be read, and inputs are the same."""
    record = _record_of(folder)
    if record.get("inputs") != inputs or record.get("unread") or not (folder / "index.csv").is_file():
        return False
    with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
        return all((folder / row["file"]).is_file() for row in csv.DictReader(stream))
