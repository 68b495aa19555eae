"""CheXpert's layout: patient and study from the path, four kinds of label, laterals left out or kept."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.datasets import ChexpertDataset
from cxr.config.errors import UserError
from cxr.config.findings import CHEXPERT_NAMES
from cxr.datasets.sources.chexpert import read_chexpert

HEADER = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_NAMES]
SMALL = "CheXpert-v1.0-small"


def line(path, view="AP", sex="Male", age="61", **labels):
    side = "Lateral" if "lateral" in path else "Frontal"
    theirs = {ours: name for name, ours in CHEXPERT_NAMES.items()}
    codes = {theirs[name]: code for name, code in labels.items()}
    return [
        f"{SMALL}/{path}",
        sex,
        age,
        side,
        "" if side == "Lateral" else view,
        *(codes.get(n, "") for n in CHEXPERT_NAMES),
    ]


FRONTAL, LATERAL = "train/patient00001/study1/view1_frontal.jpg", "train/patient00001/study1/view2_lateral.jpg"
SECOND, VALID = "train/patient00002/study3/view1_frontal.jpg", "valid/patient64541/study1/view1_frontal.jpg"


@pytest.fixture
def folder(tmp_path):
    """A function: lines of train.csv and valid.csv -> the folder above CheXpert-v1.0-small, every image there."""

    def make(train=(), valid=()):
        root = tmp_path / "data"
        for name, lines in (("train", train), ("valid", valid)):
            for cells in lines:
                image = root / cells[0]
                image.parent.mkdir(parents=True, exist_ok=True)
                image.touch()
            if lines:
                with (root / SMALL / f"{name}.csv").open("w", newline="") as stream:
                    csv.writer(stream).writerows([HEADER, *lines])
        return root

    return make


def read(root, **keys):
    return read_chexpert(ChexpertDataset(format="chexpert", root=root, **keys), "chexpert")


def test_patient_study_view_and_labels_are_read(folder):
    labels = {"Edema": "1.0", "Effusion": "0.0", "Consolidation": "-1.0"}
    source = read(folder([line(FRONTAL, **labels)], [line(VALID, view="PA", sex="Female", Pneumonia="1.0")]))
    first, second = source.rows.to_dict("records")
    wanted = {
        "image_id": "patient00001-study1-view1_frontal", "patient_id": "patient00001", "source": "chexpert",
        "study_id": "patient00001-study1", "path": f"{SMALL}/{FRONTAL}", "view": "AP", "sex": "M", "age": "61",
        "listed": "train_val", "Edema": "1", "Effusion": "0", "Consolidation": "-1", "Pneumonia": "", "No Finding": "",
    }  # fmt: skip
    assert {key: first[key] for key in wanted} == wanted
    assert (second["listed"], second["view"], second["sex"], second["Pneumonia"]) == ("test", "PA", "F", "1")
    assert source.findings == tuple(CHEXPERT_NAMES.values())
    assert source.origin == "chexpert"


def test_the_root_may_be_the_inner_folder(folder):
    root = folder([line(FRONTAL), line(SECOND)])
    inner = read(root / SMALL)
    assert inner.rows["path"].to_list() == [FRONTAL, SECOND]
    assert inner.rows["image_id"].to_list() == read(root).rows["image_id"].to_list()


def test_laterals_are_left_out_with_the_reason_or_kept(folder):
    root = folder([line(FRONTAL), line(LATERAL)])
    source = read(root)
    assert source.rows["path"].to_list() == [f"{SMALL}/{FRONTAL}"]
    assert source.rejected[["row", "reason"]].to_numpy().tolist() == [[2, "is a lateral view"]]
    assert read(root, laterals="keep").rows["view"].to_list() == ["AP", "LATERAL"]


def test_rows_that_cannot_be_used_say_why(folder):
    good, broken = line(FRONTAL), line(SECOND, Edema="2")
    unnamed = line("train/patient00003/view1_frontal.jpg")
    root = folder([good, broken, unnamed, good])
    source = read(root)
    assert source.rejected["reason"].to_list() == [
        'Edema is "2"; allowed are 1, 0, -1 and nothing',
        "its path names no patient and study",
        "the image id was listed before",
    ]
    assert len(source.rows) + len(source.rejected) == 4


def test_what_is_missing_is_one_sentence(folder, tmp_path):
    with pytest.raises(UserError, match=r"none: no such folder; data set 'chexpert' needs one with train\.csv"):
        read(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: holds neither train\.csv nor valid\.csv, nor does a folder CheXpert"):
        read(tmp_path / "empty")
    root = folder([line(FRONTAL)])
    table = root / SMALL / "train.csv"
    table.write_text(table.read_text().replace("Pleural Effusion", "Effusion"))
    with pytest.raises(UserError, match=r"train\.csv: has no column Pleural Effusion; found Path, Sex"):
        read(root)


CELL = st.sampled_from(["1.0", "0.0", "-1.0", "", "2", f"{SMALL}/{FRONTAL}", f"{SMALL}/{SECOND}", "Frontal", "Lateral"])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.lists(CELL | st.text(max_size=3), min_size=1, max_size=21), max_size=6))
def test_every_row_of_a_random_table_is_accepted_or_rejected(tmp_path_factory, rows):
    root = tmp_path_factory.mktemp("random")
    for image in (FRONTAL, SECOND):
        (root / SMALL / image).parent.mkdir(parents=True)
        (root / SMALL / image).touch()
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    (root / SMALL / "train.csv").write_text(text.getvalue(), encoding="utf-8", errors="replace", newline="")
    try:
        source = read(root)
    except UserError as error:
        assert str(error).startswith(str(root))
        return
    assert sorted([*source.rows["row"], *source.rejected["row"]]) == list(range(1, len(rows) + 1))
    assert set(source.rows["patient_id"]) <= {"patient00001", "patient00002"}
