"""`cxr describe`: the prepared data in, describe.html and describe.json out; no Keras."""

import argparse

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.datasets.duplicates import near_duplicates
from cxr.preparation.described import read_described
from cxr.preparation.prepare import open_prepared, prepared_files
from cxr.preparation.store import pooled
from cxr.reporting.data_page import write_data_page


def run(options: argparse.Namespace) -> None:
    """Describe the images of the split, and say what is wrong with it."""
    config = read_config(options)
    settings, params = config.settings, config.params
    files = prepared_files(settings, params)
    stores = open_prepared(settings, params)
    data, hashes = read_described(files, stores)
    pairs = near_duplicates(hashes, data.parts, show_progress("describe: comparing images"))
    description = write_data_page(files.folder, data, pooled(stores), pairs, params.seed)
    for one in description["differences"]:
        here, there = (f"{100 * one[key]:.1f} %" for key in ("here", "elsewhere"))
        print(f"describe: {one['finding']} is in {here} of the images of {one['part']}, in {there} elsewhere")
    if pairs:
        print(f"describe: {len(pairs)} pairs of images in different parts look the same; the page shows them")
    print(f"describe: written: {files.folder / 'describe.html'}")
