import csv
import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.evaluation.predictions import read_predictions
from cxr.visualization.gallery import choose_highest, write_gallery

HEATMAPS = Heatmaps(images_per_finding=3, opacity=0.5)
LABEL_TEXTS = {1.0: "1", 0.0: "0", -1.0: "-1"}


@pytest.fixture(scope="module")
def folders(trained):
    return {"": [trained[0] / name for name in ("first", "second")]}


@pytest.fixture(scope="module")
def predictions(trained):
    return read_predictions(trained[0] / "predictions.csv")


@pytest.fixture
def draw(folders):
    """A function: predictions, store, folder -> number of pictures drawn with Keras as the engine."""

    def write(predictions, store, folder, heatmaps=HEATMAPS, tell=None):
        quiet = tell or (lambda done, total: None)
        return write_gallery(folders, predictions, store, heatmaps, folder, "keras", quiet)

    return write


@pytest.fixture(scope="module")
def gallery(folders, predictions, store, tmp_path_factory):
    """Folder, number of pictures and reports of progress of a gallery; nobody may change it."""
    folder, told = tmp_path_factory.mktemp("gallery") / "gradcam", []
    count = write_gallery(folders, predictions, store, HEATMAPS, folder, "keras", lambda *done: told.append(done))
    return folder, count, told


def read_index(folder):
    with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_highest_scored_test_images_are_shown(gallery, predictions):
    test = predictions.part("test")
    rows = read_index(gallery[0])
    expected = []
    for k, finding in enumerate(predictions.findings):
        for place in np.argsort(-test.probabilities[:, k], kind="stable")[:3]:
            label = LABEL_TEXTS.get(test.label_codes[place, k], "")
            expected.append((test.image_ids[place], finding, f"{test.probabilities[place, k]:.6f}", label))
    assert [tuple(row.values())[:4] for row in rows] == expected
    assert list(rows[0]) == ["image_id", "finding", "probability", "label", "file"]
    assert gallery[1] == len(rows) == 9


def test_every_line_of_the_index_has_its_picture_and_every_picture_its_line(gallery):
    folder, rows = gallery[0], read_index(gallery[0])
    names = {row["file"] for row in rows}
    assert len(names) == len(rows)
    assert {path.name for path in folder.iterdir()} == names | {"index.csv", "steps.png"}
    for name in [*names, "steps.png"]:
        with Image.open(folder / name) as picture:
            assert picture.mode == "RGB"
            picture.load()
    for number, row in enumerate(rows):
        assert row["file"] == f"{row['finding']}-{number % 3 + 1:02d}-{row['image_id'].removesuffix('.png')}.png"


def test_progress_ends_with_the_last_image_of_the_last_member(gallery):
    told = gallery[2]
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_pictures_of_an_earlier_run_are_removed(draw, predictions, store, tmp_path):
    for name in ("Edema-01-old.png", "index.csv", "notes.txt"):
        (tmp_path / name).write_text("old")
    draw(predictions, store, tmp_path, Heatmaps(images_per_finding=1))
    names = {path.name for path in tmp_path.iterdir()}
    assert "Edema-01-old.png" not in names
    assert "notes.txt" in names
    assert len(read_index(tmp_path)) == 3
    assert len(names) == 3 + len({"index.csv", "steps.png", "notes.txt"})


def test_more_pictures_than_images_are_all_images(draw, predictions, store, tmp_path):
    images = len(predictions.part("test").image_ids)
    assert draw(predictions, store, tmp_path, Heatmaps(images_per_finding=500)) == 3 * images


def test_odd_image_ids_make_plain_file_names(draw, predictions, own_store, tmp_path):
    def odd(ids):
        return np.array([f"näh/../a b:{image_id[:-4]}.v2.png" for image_id in ids])

    predictions = dataclasses.replace(predictions, image_ids=odd(predictions.image_ids))
    store = dataclasses.replace(own_store, image_ids=odd(own_store.image_ids))
    draw(predictions, store, tmp_path / "gradcam")
    rows = read_index(tmp_path / "gradcam")
    assert {row["image_id"] for row in rows} <= set(predictions.image_ids)
    for row in rows:
        assert re.fullmatch(r"[A-Za-z0-9._-]+\.png", row["file"])
        assert (tmp_path / "gradcam" / row["file"]).is_file()
    assert len({row["file"] for row in rows}) == 9


def test_an_image_that_vanished_since_is_named(draw, predictions, own_store, tmp_path):
    first = choose_highest(predictions, own_store, 1)[0]
    own_store.paths[first.row].unlink()
    with pytest.raises(UserError, match="it could be read when the data were prepared") as raised:
        draw(predictions, own_store, tmp_path / "gradcam")
    assert str(own_store.paths[first.row]) in str(raised.value)
    assert not (tmp_path / "gradcam" / "index.csv").exists()


def test_the_order_of_the_columns_does_not_matter(predictions, store):
    turned = dataclasses.replace(
        predictions,
        findings=predictions.findings[::-1],
        probabilities=predictions.probabilities[:, ::-1],
        label_codes=predictions.label_codes[:, ::-1],
    )
    for found, expected in zip(choose_highest(turned, store, 5), choose_highest(predictions, store, 5), strict=True):
        np.testing.assert_equal(dataclasses.astuple(found), dataclasses.astuple(expected))


def test_equal_probabilities_keep_the_order_of_the_file(predictions, store):
    equal = dataclasses.replace(predictions, probabilities=np.full_like(predictions.probabilities, 0.5))
    test = predictions.part("test")
    found = [store.image_ids[choice.row] for choice in choose_highest(equal, store, 4)]
    assert found == list(test.image_ids[:4]) * 3


def test_predictions_of_other_data_stop(predictions, store):
    ids = predictions.image_ids.copy()
    ids[np.argmax(predictions.splits == "test")] = "gone.png"
    with pytest.raises(UserError, match=r"names image gone\.png, which the prepared data do not have"):
        choose_highest(dataclasses.replace(predictions, image_ids=ids), store, 3)
    renamed = dataclasses.replace(predictions, findings=("Cardiomegaly", "Effusion", "Hernia"))
    with pytest.raises(
        UserError, match="holds Cardiomegaly, Effusion, Hernia; asked for are Cardiomegaly, Effusion, Mass"
    ):
        choose_highest(renamed, store, 3)
    with pytest.raises(UserError, match="holds no image of the test part"):
        choose_highest(predictions.part("val"), store, 3)
