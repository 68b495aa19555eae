import csv
import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.evaluation.predictions import read_predictions
from cxr.visualization import drawing
from cxr.visualization.calls import make_calls
from cxr.visualization.choices import choose_all, choose_highest, choose_sample
from cxr.visualization.drawing import Sources
from cxr.visualization.gallery import write_collection, write_highest
from cxr.visualization.overlay import TRUE_COLOUR

TOPS = {f"{finding}-top.png" for finding in ("Cardiomegaly", "Effusion", "Mass")}
LABEL_TEXTS = {1.0: "1", 0.0: "0", -1.0: "-1"}
COLUMNS = ["image_id", "finding", "probability", "label", "file", "calibrated", "threshold", "outcome"]


def quiet(done, total):
    """Tell nobody."""


@pytest.fixture(scope="module")
def predictions(trained):
    return read_predictions(trained[0] / "predictions.csv")


@pytest.fixture(scope="module")
def sources_of(trained):
    """A function: predictions, store and changes -> what pictures are made of, without an evaluation."""

    def make(predictions, store, **changes):
        made = Sources(
            folders={"": [trained[0] / name for name in ("first", "second")]},
            store=store,
            calls=make_calls(predictions, store, None),
            prepared={},
            true_boxes={},
            heatmaps=Heatmaps(images_per_finding=3, opacity=0.5),
            engine="keras",
            workers=2,
        )
        return dataclasses.replace(made, **changes)

    return make


@pytest.fixture
def draw(sources_of):
    """A function: predictions, store, folder -> number of pictures of the highest-scored."""

    def write(predictions, store, folder, heatmaps=None):
        changes = {"heatmaps": heatmaps} if heatmaps else {}
        return len(write_highest(sources_of(predictions, store, **changes), folder, quiet)[0])

    return write


@pytest.fixture(scope="module")
def gallery(sources_of, predictions, store, tmp_path_factory):
    """Folder, number of pictures and reports of progress of a gallery, true boxes of masses; nobody may change it."""
    folder, told = tmp_path_factory.mktemp("gallery") / "gradcam", []
    boxes = {(image_id, "Mass"): [(4.0, 4.0, 20.0, 20.0)] for image_id in predictions.image_ids.tolist()}
    sources = sources_of(predictions, store, true_boxes=boxes)
    drawn, _ = write_highest(sources, folder, lambda *done: told.append(done))
    return folder, len(drawn), told


def read_table(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_index(folder):
    return read_table(folder / "index.csv")


def test_the_highest_scored_test_images_are_shown(gallery, predictions):
    test = predictions.part("test")
    rows = read_index(gallery[0])
    expected = []
    for k, finding in enumerate(predictions.findings):
        for place in np.argsort(-test.probabilities[:, k], kind="stable")[:3]:
            label = LABEL_TEXTS.get(test.label_codes[place, k], "")
            expected.append((test.image_ids[place], finding, f"{test.probabilities[place, k]:.6f}", label))
    assert [tuple(row.values())[:4] for row in rows] == expected
    assert list(rows[0]) == COLUMNS
    assert {row[name] for row in rows for name in COLUMNS[5:]} == {""}  # nothing was fitted
    assert gallery[1] == len(rows) == 9


def test_every_line_of_the_index_has_its_picture_and_every_picture_its_line(gallery):
    folder, rows = gallery[0], read_index(gallery[0])
    names = {row["file"] for row in rows}
    assert len(names) == len(rows)
    assert {path.name for path in folder.iterdir()} == names | {"index.csv", "steps.png", *TOPS}
    for name in [*names, "steps.png", *TOPS]:
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
    for name in ("Edema-01-old.png", ".part-1-index.csv", "index.csv", "notes.txt"):
        (tmp_path / name).write_text("old")
    draw(predictions, store, tmp_path, Heatmaps(images_per_finding=1))
    names = {path.name for path in tmp_path.iterdir()}
    assert "Edema-01-old.png" not in names
    assert "notes.txt" in names
    assert len(read_index(tmp_path)) == 3
    assert len(names) == 3 + len({"index.csv", "steps.png", "notes.txt", *TOPS})


def test_a_grid_with_true_boxes_says_what_is_green(gallery):
    for finding, green in (("Mass", True), ("Effusion", False)):
        with Image.open(gallery[0] / f"{finding}-top.png") as picture:
            title = np.asarray(picture)[:28]
        assert (title == TRUE_COLOUR).all(axis=2).any() == green


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


def test_an_image_that_vanished_since_is_listed_and_does_not_stop_the_rest(
    sources_of, predictions, own_store, tmp_path
):
    sources = sources_of(predictions, own_store)
    gone = choose_highest(sources.calls, 1)[0].image
    path = own_store.paths[sources.calls.rows[gone]]
    path.unlink()
    drawn, unread = write_highest(sources, tmp_path, quiet)
    assert [one.image for one in unread] == [gone]
    assert len(drawn) == len(read_index(tmp_path)) < 9
    [error] = read_table(tmp_path / "errors.csv")
    expected = {"image_id": str(sources.calls.image_ids[gone]), "path": str(path)}
    assert error == expected | {"reason": "cannot be read: No such file or directory"}
    for path in own_store.paths:
        path.unlink(missing_ok=True)
    with pytest.raises(UserError, match="so it is with all"):
        write_highest(sources, tmp_path, quiet)
    assert not (tmp_path / "index.csv").exists()


def test_originals_of_any_size_and_depth_are_drawn(sources_of, predictions, own_store, tmp_path):
    sources = sources_of(predictions, own_store)
    images = list(dict.fromkeys(choice.image for choice in choose_highest(sources.calls, 3)))[:3]
    sixteen, rgba, dicom = (own_store.paths[sources.calls.rows[image]] for image in images)
    grey = np.random.default_rng(2).integers(0, 255, (50, 170), dtype=np.uint8)
    Image.fromarray(grey.astype(np.uint16) << 8).save(sixteen)
    Image.fromarray(np.dstack([grey] * 3 + [np.full_like(grey, 255)])).save(rgba)
    write_dicom(dicom, grey)
    drawn, unread = write_highest(sources, tmp_path, quiet)
    assert (len(drawn), unread) == (9, [])
    assert set(images) <= {choice.image for choice in drawn}


def write_dicom(path, grey):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.Modality, image.PhotometricInterpretation = "DX", "MONOCHROME2"
    image.Rows, image.Columns = grey.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.PixelData = grey.tobytes()
    image.save_as(path, enforce_file_format=True)


def pictures_of(folder):
    return {str(path.relative_to(folder)) for path in folder.glob("*/*.jpg")}


@pytest.fixture(scope="module")
def everything(sources_of, predictions, store, tmp_path_factory):
    """Sources, choices and folder of the whole test part; nobody may change it."""
    folder, sources = tmp_path_factory.mktemp("all"), sources_of(predictions, store)
    choices = choose_all(sources.calls, store.no_finding[sources.calls.rows])
    drawn, unread = write_collection(choices, sources, folder, "inputs", quiet)
    assert (drawn, unread) == (choices, [])
    return sources, choices, folder


def test_the_whole_test_part_lies_in_a_folder_per_set_of_labels(everything, predictions):
    _, _, folder = everything
    rows = read_index(folder)
    test = predictions.part("test")
    assert {row["file"] for row in rows} == pictures_of(folder)
    assert {row["image_id"] for row in rows} == set(test.image_ids)
    for image_id, codes, scores in zip(test.image_ids, test.label_codes, test.probabilities, strict=True):
        mine = [row for row in rows if row["image_id"] == image_id]
        present = [finding for finding, code in zip(test.findings, codes, strict=True) if code == 1]
        [place] = {row["file"].rpartition("/")[0] for row in mine}
        assert place == "-".join(present) or (not present and place in ("No Finding", "None of these", "Not known"))
        assert {row["finding"] for row in mine} == {*present, test.findings[scores.argmax()]}


def test_what_is_drawn_does_not_depend_on_the_chunks(everything, tmp_path, monkeypatch):
    """By OpenVINO, whose batch is fixed: Keras rounds by how many images it is given, which now and then is a grey."""
    sources, choices, _ = everything
    sources = dataclasses.replace(sources, engine="openvino")
    images = len({choice.image for choice in choices})
    for size, name in ((drawing.CHUNK_IMAGES, "whole"), (3, "chunks")):
        monkeypatch.setattr(drawing, "CHUNK_IMAGES", size)
        told = []
        write_collection(choices, sources, tmp_path / name, "inputs", lambda *done, told=told: told.append(done))
        assert told == [(min(done, images), images) for done in range(size, images + size, size)]
    assert pictures_of(tmp_path / "whole") == pictures_of(tmp_path / "chunks")
    for name in pictures_of(tmp_path / "whole"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "chunks" / name).read_bytes()


def test_interrupted_work_goes_on_where_it_stopped(everything, tmp_path, monkeypatch):
    sources, choices, folder = everything
    monkeypatch.setattr(drawing, "CHUNK_IMAGES", 3)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_collection(choices, sources, tmp_path, "inputs", stop)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in pictures_of(tmp_path)}
    assert 0 < len(before) < len(choices)
    assert not (tmp_path / "index.csv").exists()
    (tmp_path / next(iter(before))).with_name(".part-1-cut-off.jpg").write_bytes(b"half")
    (tmp_path / ".part-1-index.csv").write_bytes(b"half")
    write_collection(choices, sources, tmp_path, "inputs", quiet)
    assert not list(tmp_path.rglob(".part-*"))
    assert pictures_of(tmp_path) == pictures_of(folder)
    assert before.items() <= {name: (tmp_path / name).stat().st_mtime_ns for name in pictures_of(tmp_path)}.items()
    assert (tmp_path / "index.csv").read_bytes() == (folder / "index.csv").read_bytes()


def test_pictures_of_other_inputs_are_replaced(sources_of, predictions, store, tmp_path):
    sources = sources_of(predictions, store)
    few = choose_sample(sources.calls, 1, seed=1)
    (tmp_path / "Old").mkdir()
    (tmp_path / "Old" / "old.jpg").write_bytes(b"old")
    write_collection(few, sources, tmp_path, "inputs", quiet)
    assert pictures_of(tmp_path) == {choice.file for choice in few}
    assert not (tmp_path / "Old").exists()


def test_every_original_is_read_once_for_all_of_its_pictures(everything, tmp_path, monkeypatch):
    sources, choices, _ = everything
    read, real = [], drawing.read_original
    monkeypatch.setattr(drawing, "read_original", lambda path, known: (read.append(path), real(path, known))[1])
    write_collection(choices, sources, tmp_path, "inputs", quiet)
    assert len(read) == len(set(read)) == len({choice.image for choice in choices}) < len(choices)
