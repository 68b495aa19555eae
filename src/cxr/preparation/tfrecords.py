"""A store in, TFRecord shards out, for those who train with other programs: one tf.train.Example per image.

Features: image (PNG, grey), image_id, patient_id (bytes), labels (K floats: 1, 0, -1 uncertain, NaN unknown).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.images.files import encode_png
from cxr.preparation.store import Store

INDEX = "dataset.json"


def write_tfrecords(
    store: Store, folder: Path, shard_images: int, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, int]:
    """Write `<part>-00000-of-00003.tfrecord`, ... and dataset.json; return the number of shards per part.

    With folds the parts are fold0, fold1, ... dataset.json is written last: with it the export is complete.
    Raises UserError when the folder holds anything already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: is not empty; name a folder of its own")
    parts = np.where(store.folds != "", np.char.add("fold", store.folds), store.parts)
    shards, done = {}, 0
    for part in dict.fromkeys(parts.tolist()):
        rows = np.flatnonzero(parts == part)
        shards[part] = -(-len(rows) // shard_images)
        for number in range(shards[part]):
            chosen = rows[number * shard_images : (number + 1) * shard_images]
            _write_shard(store, chosen, folder / f"{part}-{number:05d}-of-{shards[part]:05d}.tfrecord")
            done += len(chosen)
            if on_progress:
                on_progress(done, len(parts))
    record = {
        "features": {"image": "PNG, grey", "image_id": "bytes", "patient_id": "bytes",
                     "labels": "floats in the order of findings: 1, 0, -1 uncertain, NaN unknown"},
        "findings": list(store.findings),
        "image_px": int(store.crops.shape[1]),
        "images": {part: int((parts == part).sum()) for part in shards},
        "shards": shards,
        "split": store.split,
    }  # fmt: skip
    write_json(folder / INDEX, record)
    return shards


def _write_shard(store: Store, rows: np.ndarray, path: Path) -> None:
    import tensorflow as tf  # slow to load, and needed by nothing else here

    with written_atomically(path) as part, tf.io.TFRecordWriter(str(part)) as writer:
        for row in rows:
            texts = {
                "image": encode_png(store.crops[store.rows[row]]),
                "image_id": str(store.image_ids[row]).encode(),
                "patient_id": str(store.patient_ids[row]).encode(),
            }
            features = {name: tf.train.Feature(bytes_list={"value": [text]}) for name, text in texts.items()}
            features["labels"] = tf.train.Feature(float_list={"value": store.labels[row].tolist()})
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
