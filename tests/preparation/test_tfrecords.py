"""Exported shards read back by TensorFlow's own reader hold every image with its labels."""

import json

import numpy as np
import pytest
import tensorflow as tf

from cxr.config.errors import UserError
from cxr.preparation.tfrecords import write_tfrecords

FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "image_id": tf.io.FixedLenFeature([], tf.string),
    "patient_id": tf.io.FixedLenFeature([], tf.string),
    "labels": tf.io.FixedLenFeature([3], tf.float32),
}


def test_every_image_is_in_the_shards_of_its_part(store, tmp_path):
    told = []
    shards = write_tfrecords(store, tmp_path / "out", 10, lambda *done: told.append(done))
    record = json.loads((tmp_path / "out/dataset.json").read_text())
    assert record["shards"] == shards
    assert record["findings"] == list(store.findings)
    assert told[-1] == (39, 39)
    row_of = {image_id: row for row, image_id in enumerate(store.image_ids)}
    seen = set()
    for part, count in shards.items():
        files = sorted((tmp_path / "out").glob(f"{part}-*.tfrecord"))
        assert [file.name for file in files] == [f"{part}-{k:05d}-of-{count:05d}.tfrecord" for k in range(count)]
        for file in files:
            for raw in tf.data.TFRecordDataset(str(file)):
                example = tf.io.parse_single_example(raw, FEATURES)
                row = row_of[example["image_id"].numpy().decode()]
                assert store.parts[row] == part
                assert example["patient_id"].numpy().decode() == store.patient_ids[row]
                np.testing.assert_array_equal(example["labels"].numpy(), store.labels[row])
                image = tf.io.decode_png(example["image"]).numpy()[..., 0]
                np.testing.assert_array_equal(image, store.crops[store.rows[row]])
                seen.add(row)
    assert seen == set(range(39))


def test_a_folder_that_holds_something_is_left_alone(store, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UserError, match="is not empty; name a folder of its own"):
        write_tfrecords(store, tmp_path, 10)
