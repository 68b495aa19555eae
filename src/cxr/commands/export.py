"""`cxr export GROUP DIR`: a finished group as a bundle, one folder with all that new images need."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.crops import read_images
from cxr.classification.runs import check_run
from cxr.commands.context import group_dir, read_config, worker_count
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.engines.startup import load_keras
from cxr.evaluation.fitted import read_fitted
from cxr.evaluation.fitted_files import CALIBRATION, THRESHOLDS
from cxr.evaluation.metrics import read_metrics
from cxr.prediction.bundle import Record
from cxr.prediction.exported import Task, resized, write_bundle
from cxr.prediction.map_origin import choose_cut, other_maps
from cxr.prediction.precisions import Validation
from cxr.preparation.lung_network import lung_weights
from cxr.preparation.prepare import open_prepared, prepared_files
from cxr.preparation.store import Store, pooled
from cxr.reporting.model_card import model_card
from cxr.visualization.localization.record import localization_inputs

PARITY_IMAGES = 32


def run(options: argparse.Namespace) -> None:
    """Write the bundle and say how far each engine is from Keras."""
    config = read_config(options)
    params, settings = config.params, config.settings
    folder = group_dir(config, options.group)
    stores = open_prepared(settings, params)
    record, _ = check_run(params, options.group, folder, stores)
    _check_exportable(folder, record)
    lungs, _, _ = lung_weights(settings, params, config.lungs_dir, worker_count(settings), show_progress)
    uncalibrated = _why_uncalibrated(folder, record)
    inputs = localization_inputs(folder, prepared_files(settings, params).boxes, params)
    boxes, boxes_from = choose_cut(params.heatmaps, folder, inputs)
    task = Task(
        group=options.group,
        findings=tuple(record["findings"]),
        crop=params.crop,
        cleaning=params.segmentation.cleaning,
        card=_card(folder, record),
        synthetic=record["data"]["synthetic"],
        foreign=record.get("foreign", []),
        uncalibrated=uncalibrated,
        boxes=boxes,
        boxes_from=boxes_from,
        maps_differ=other_maps(params.heatmaps),
    )
    load_keras()
    members = {one["name"]: one["network"] for one in record["members"]}
    store, told = pooled(stores), show_progress("export")
    bundle = write_bundle(
        options.folder, task, folder, members, lungs, resized(_parity_crops(store)), _validation(store),
        options.overwrite, told,
    )  # fmt: skip
    _tell(bundle, options.folder)


def _check_exportable(folder: Path, record: dict[str, Any]) -> None:
    if record.get("folds"):
        raise UserError(
            f"{folder}: has folds, whose models have a calibration each; export a group with another split.scheme"
        )
    for name, one in record.get("members_predictions", {}).items():
        if one.get("views", "one") != "one":
            raise UserError(
                f"{folder}: member {name} predicts with views {one['views']!r}, which a bundle does not; set "
                'members.NAME.views to "one", then train (nothing is trained again) and evaluate'
            )


def _why_uncalibrated(folder: Path, record: dict[str, Any]) -> str | None:
    """Return why a group gives no calls; None where it has calibration and thresholds of its own validation part."""
    if not any((folder / name).is_file() for name in (CALIBRATION, THRESHOLDS)):
        return f"{record['group']} was not evaluated when it was exported, so it has no calibration and no thresholds"
    fitted = read_fitted(folder)
    if fitted.calibration.split.hash != record["split"]["hash"]:
        raise UserError(f"{folder / CALIBRATION}: was fitted on another split; evaluate the group again")
    return None


def _card(folder: Path, record: dict[str, Any]) -> dict[str, list[str]]:
    if not (folder / "metrics.json").is_file():
        return {"Evaluation": ["Not evaluated when it was exported."]}
    return model_card(record, read_metrics(folder / "metrics.json"))


def _parity_crops(store: Store) -> np.ndarray:
    """(n, S, S) uint8 crops, evenly spread over the prepared images."""
    count = len(store.image_ids)
    return store.crops[store.rows[np.unique(np.linspace(0, count - 1, min(count, PARITY_IMAGES)).astype(int))]]


def _validation(store: Store) -> Validation:
    rows = np.flatnonzero(store.parts == "val")
    labels = store.labels[rows].astype(np.float64)

    def read(image_px: int, start: int, stop: int) -> np.ndarray:
        return read_images(store, rows[start:stop], image_px)

    return Validation(np.where(labels >= 0, labels, np.nan), read)


def _tell(bundle: Record, target: Path) -> None:
    for network in (bundle.lungs, *bundle.members):
        said = []
        for one in network.parity:
            maps = "" if one.maps is None else f", maps {one.maps:.1e}"
            said.append(f"{one.engine} {one.outputs:.1e}{maps}")
        print(f"export: {network.folder}: largest difference from Keras: {'; '.join(said)}")
    for one in bundle.precisions:
        measured = "" if one.auroc is None else f"mean AUROC on validation {one.auroc_f32:.4f} -> {one.auroc:.4f}"
        said = "offered" if one.offered else f"not offered: {one.reason}"
        print(f"export: {one.precision}: {'; '.join(filter(None, (measured, said)))}")
    print(f"export: boxes: {bundle.boxes_from}")
    if bundle.maps_differ:
        print(f"export: {bundle.maps_differ}")
    if "onnx" not in bundle.engines:
        print("export: no ONNX files: they need tf2onnx (requirements-onnx.txt) and Keras on TensorFlow")
    if bundle.uncalibrated:
        print(f"export: no calls will be made: {bundle.uncalibrated}")
    print(f"export: written: {target}")
