"""`cxr predict BUNDLE PATH... --out DIR`: new images -> probabilities, calls, heatmaps; no Keras, no TensorFlow."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from cxr.commands.progress import show_progress
from cxr.config.record import machine_record
from cxr.prediction.answers import Answer, answer_items
from cxr.prediction.bundle import Bundle, read_bundle
from cxr.prediction.cautions import cautions_of
from cxr.prediction.inputs import find_items
from cxr.prediction.opened import choose_engine, choose_precision, open_bundle
from cxr.prediction.results import (
    LINES,
    OVERLAYS,
    REJECTED,
    TABLE,
    Draw,
    count_objects,
    find_results,
    mark_of,
    predict_into,
)
from cxr.reporting.wording import counted


def run(options: argparse.Namespace) -> None:
    """Predict what was not yet predicted, and say what came of it."""
    bundle = read_bundle(options.bundle)
    items = find_items(options.paths)
    precision = choose_precision(bundle, options.precision, options.engine)
    asked = {"precision": precision, "force": options.force, "overlays": options.overlays}
    asked["dicom"] = options.dicom
    asked["engine"] = choose_engine(bundle, options.engine, precision)
    mark = mark_of(bundle, items, asked)
    counts = find_results(options.out, mark, options.overwrite)
    done = "unchanged"
    if counts is None:
        done = "written"
        opened = open_bundle(bundle, asked["engine"], precision)
        print(f"predict: {len(items)} images by {bundle.record.group}; engine: {opened}", flush=True)
        work = partial(answer_items, bundle, opened, force=options.force)
        about = {"bundle": str(options.bundle), "group": bundle.record.group, **asked, **machine_record()}
        told = show_progress("predict")
        draw = _drawing(bundle, options.out, options.overlays, options.dicom)
        counts = predict_into(options.out, bundle, items, work, mark, about, draw, told)
    if options.dicom:
        made, wanting = count_objects(options.out)
        print(
            f"predict: DICOM objects of {counted(made, 'image')}, none of {wanting} (dicom_reason in {LINES} says why)"
        )
    for line in cautions_of(bundle):
        print(f"predict: {line}")
    if options.force:
        print("predict: --force: images without usable lungs were answered by the whole image (status unusable)")
    print(
        f"predict: {counts['ok']} answered, {counts['unusable']} without usable lungs, {counts['rejected']} rejected "
        f"({REJECTED}): {done}: {options.out / TABLE}"
    )


def _drawing(bundle: Bundle, folder: Path, overlays: bool, dicom: bool) -> Draw | None:
    if not overlays and not dicom:
        return None
    from cxr.prediction.dicom.answered import write_objects  # only now: both load matplotlib
    from cxr.prediction.overlays import write_overlays

    def draw(place: int, answer: Answer) -> dict[str, Any]:
        pictures = {OVERLAYS: write_overlays(bundle, folder, place, answer)} if overlays else {}
        return pictures | (write_objects(bundle, folder, place, answer) if dicom else {})

    return draw
