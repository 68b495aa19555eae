"""Six drawn patients read like NIH's data, and say that they are drawn."""

import csv

import pytest

from cxr.config.datasets import PhantomDataset
from cxr.config.findings import NIH14
from cxr.datasets.sources.phantom import phantom_folder, read_phantom

DATASET = PhantomDataset(format="phantom", patients=6, seed=3, image_px=64)


@pytest.fixture(scope="module")
def prepared_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="module")
def source(prepared_dir):
    return read_phantom(DATASET, "drawn", prepared_dir, workers=1)


def test_every_row_is_used_and_marked_synthetic(source):
    assert source.synthetic
    assert len(source.rejected) == 0
    assert source.notes == []
    assert source.name == "drawn"
    assert source.findings == (*NIH14, "No Finding")
    with (source.root / "Data_Entry_2017.csv").open(newline="") as lines:
        table = list(csv.reader(lines))[1:]
    assert source.rows["image_id"].to_list() == [row[0] for row in table]
    assert source.rows["age"].to_list() == [row[4] for row in table]
    assert set(source.rows["patient_id"]) == {"1", "2", "3", "4", "5", "6"}
    assert set(source.rows["listed"]) == {"train_val", "test"}
    assert all((source.root / path).is_file() for path in source.rows["path"])
    assert not [path for path in source.rows["path"] if "masks" in path]


def test_they_lie_below_the_prepared_folder_and_are_drawn_once(source, prepared_dir):
    assert source.root.parent == prepared_dir / "phantoms"

    def fail(done, total):
        raise AssertionError("nothing was to be drawn")

    again = read_phantom(DATASET, "drawn", prepared_dir, workers=1, on_progress=fail)
    assert again.rows.equals(source.rows)


def test_other_patients_lie_in_another_folder(source, prepared_dir):
    other = phantom_folder(DATASET.model_copy(update={"patients": 1, "seed": 4}), prepared_dir, workers=1)
    assert other != source.root
    assert len(list((prepared_dir / "phantoms").iterdir())) == 2
