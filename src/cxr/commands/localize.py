"""`cxr localize GROUP`: boxes of every test image, and how well the heatmaps show the place -> localization/."""

import argparse
from pathlib import Path

import numpy as np

from cxr.classification.runs import PREDICTIONS, check_run
from cxr.commands.context import group_dir, read_config
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.datasets.manifest import read_table
from cxr.engines.startup import load_keras
from cxr.evaluation.fitted import THRESHOLDS, read_fitted
from cxr.evaluation.predictions import Predictions, read_predictions
from cxr.preparation.prepare import open_prepared, prepared_files
from cxr.preparation.store import CROP_COLUMNS, Store, pooled
from cxr.visualization.localization.record import FOLDER, RECORD, is_current, localization_inputs

WRITTEN = ("boxes.csv", "boxes.json", "localization.csv")


def run(options: argparse.Namespace) -> None:
    """Write localization/, unless it was written for the same predictions, thresholds, boxes and parameters."""
    config = read_config(options)
    params, folder = config.params, group_dir(config, options.group)
    source, target = folder / PREDICTIONS, folder / FOLDER
    if not source.is_file():
        raise UserError(f"{source}: no such file; train or average {options.group} with the same options first")
    stores = open_prepared(config.settings, params)
    _, classifiers = check_run(params, options.group, folder, stores)
    files = prepared_files(config.settings, params)
    inputs = localization_inputs(folder, files.boxes, params)
    record = target / RECORD
    if record.is_file() and is_current(read_json(record), inputs) and _is_whole(target, read_json(record)):
        print(f"localize: unchanged: {target}")
        return
    predictions = read_predictions(source)
    store = pooled(stores)
    calibrated = thresholds = None
    if params.heatmaps.boxes.of == "positive":
        if (folder / THRESHOLDS).is_file():
            calibrated, thresholds = _operating_points(folder, predictions, list(stores))
        else:
            print(f"localize: no {THRESHOLDS}: boxes of all findings are written; ./cxr evaluate makes it")
    load_keras()  # only now that there is something to do
    from cxr.visualization.localization.localize import localize
    from cxr.visualization.localization.task import Task
    from cxr.visualization.localization.written import Asked

    table = read_table(files.crop_table, CROP_COLUMNS).set_index("image_id")
    result = localize(
        Task(
            members={fold: [folder / one.name for one in classifiers if one.fold == fold] for fold in stores},
            stores=stores,
            store=store,
            sizes={fold: _sizes(table, one) for fold, one in stores.items()} | {"pooled": _sizes(table, store)},
            usable=(table.loc[store.image_ids, "fallback"] == "0").to_numpy(),
            true_boxes=files.boxes,
            asked=Asked.of(predictions.part("test"), store.findings, calibrated, thresholds),
            heatmaps=params.heatmaps,
            resamples=params.evaluation.resamples,
            seed=params.seed,
            engine=config.settings.engine,
            progress=show_progress,
        ),
        target,
        inputs,
    )
    print("\n".join(f"localize: {line}" for line in _lines(result, target)))


def _sizes(table: "object", store: Store) -> np.ndarray:
    """(N, 2) int: height and width in pixels of the store's originals."""
    return table.loc[store.image_ids, ["height_px", "width_px"]].astype(int).to_numpy()


def _operating_points(folder: Path, predictions: Predictions, folds: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities and thresholds, both (n, K), of the test part."""
    by_fold = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in folds if fold}
    return read_fitted(folder).apply(predictions.part("test"), by_fold or None)


def _is_whole(target: Path, record: dict) -> bool:
    pictures = [Path("examples") / one["file"] for one in record.get("examples", [])]
    return all((target / name).is_file() for name in (*WRITTEN, *pictures))


def _lines(result: dict, target: Path) -> list[str]:
    """What a run says at its end."""
    counts, truth = result["written"], result["truth"]
    lines = [f"{counts['boxes']} boxes in {counts['images']} test images: {target / 'boxes.csv'}, boxes.json"]
    for key, what in (
        ("clipped", "reaching beyond their image, cut off there"),
        ("outside", "outside their image, left out"),
    ):
        if truth[key]:
            lines.append(f"true boxes {what}: {truth[key]}")
    if result["reason"]:
        return [*lines, f"not scored: {result['reason']}"]
    pointing = result["numbers"]["pointing"]
    own, other, ratio = (pointing[kind]["mean"] for kind in ("own", "swapped", "ratio"))
    text = f"pointing {_number(own)}, other patients' maps {_number(other)}, ratio {_number(ratio)}"
    boxes = truth["test"]
    lines.append(f"{boxes['boxes']} true boxes on {boxes['images']} test images: {text}: {target / RECORD}")
    ratios = {name: pointing["ratio"][name] for name in result["with_place"]}
    known = [name for name, entry in ratios.items() if entry["value"] is not None]
    if known:
        least = min(known, key=lambda name: ratios[name]["value"])
        lines.append(
            f"least ratio of findings with a place of their own ({len(known)}): {least} {_number(ratios[least])}"
        )
    return lines


def _number(entry: dict) -> str:
    if entry["value"] is None:
        return "-"
    return f"{entry['value']:.3f}" + ("" if entry["low"] is None else f" ({entry['low']:.3f}-{entry['high']:.3f})")
