"""`cxr tfrecords FOLDER`: the prepared crops with labels and split as TFRecords, for other programs."""

import argparse

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.preparation.prepare import open_prepared
from cxr.preparation.store import pooled
from cxr.preparation.tfrecords import write_tfrecords

SHARD_IMAGES = 1000


def run(options: argparse.Namespace) -> None:
    """Write the shards and say how many."""
    config = read_config(options)
    store = pooled(open_prepared(config.settings, config.params))
    shards = write_tfrecords(store, options.folder, SHARD_IMAGES, show_progress("tfrecords"))
    counts = ", ".join(f"{part} {count}" for part, count in shards.items())
    print(f"tfrecords: {len(store.image_ids)} images in shards ({counts}): {options.folder}")
