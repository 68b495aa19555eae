"""`cxr prepare`: data sets in, the prepared folder out."""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from cxr.commands.agreement import print_agreement
from cxr.commands.context import read_config, worker_count
from cxr.commands.progress import show_progress
from cxr.config.load import Config
from cxr.config.record import hash_of_file
from cxr.config.settings import Settings
from cxr.datasets.sources.read import read_sources
from cxr.datasets.table import SourceTable
from cxr.images.files import write_png
from cxr.preparation.lung_network import lung_weights, open_lungs
from cxr.preparation.prepare import LungSource, prepare
from cxr.preparation.sheet import crop_sheet
from cxr.preparation.store import PreparedFiles, open_stores, pooled


def run(options: argparse.Namespace) -> None:
    """Prepare, and say what was used, rejected and not understood."""
    config = read_config(options)
    files, fresh = prepare_sources(config, read_all(config.settings))
    stores = open_stores(files, config.params.findings, config.settings.zero_blanks)
    store = pooled(stores)
    if fresh:
        write_png(files.folder / "crops.png", crop_sheet(store))
    record, parts = store.record, store.split["parts"]
    print(
        f"prepare: {record['images']} images of {record['patients']} patients; {record['rejected']} rejected "
        f"(rejected.csv), {record['fallbacks']} without usable lungs (whole image used)"
    )
    if record["set_upright"]:
        print(f"prepare: {record['set_upright']} images lay turned or inverted and were set upright (crops.csv: lies)")
    counts = ", ".join(f"{part} {described['images']}" for part, described in parts.items())
    if len(stores) > 1:
        counts = "test " + ", ".join(str(one.split["parts"]["test"]["images"]) for one in stores.values())
    print(
        f"prepare: split {store.split['name']!r} {store.split['hash'][:12]}: {counts} images, no patient in two parts"
    )
    if outside := record["images"] - len(np.unique(np.concatenate([one.image_ids for one in stores.values()]))):
        print(f"prepare: {outside} images are in no list and therefore in no part of the split")
    if config.params.findings.single and (left_out := int(np.isnan(store.labels).all(axis=1).sum())):
        print(f"prepare: {left_out} images have none or several of the findings: left out of training and metrics")
    print(f"prepare: {'written' if fresh else 'unchanged'}: {files.folder}")


def read_all(settings: Settings) -> list[SourceTable]:
    """Read every data set, and say what was not understood."""
    sources = read_sources(settings, worker_count(settings), show_progress)
    for note in (note for source in sources for note in source.notes):
        print(f"prepare: {note}")
    return sources


def prepare_sources(config: Config, sources: list[SourceTable]) -> tuple[PreparedFiles, bool]:
    """Make the prepared folder of these data sets complete; return it, and whether crops had to be made."""
    settings, params, workers = config.settings, config.params, worker_count(config.settings)
    if params.crop.mode == "none":
        return prepare(sources, settings, params, None, workers, show_progress("crops"))
    path, metrics, trained = lung_weights(settings, params, config.lungs_dir, workers, show_progress)
    if trained:
        print_agreement("prepare", metrics)
    with tempfile.TemporaryDirectory() as folder:
        open_net = partial(open_lungs, path, settings.engine, Path(folder), params.segmentation.cleaning)
        lungs = LungSource(open_net, hash_of_file(path), metrics)
        return prepare(sources, settings, params, lungs, workers, show_progress("crops"))
