"""One folder per class, with or without folders for the parts."""

import pytest

from cxr.config.datasets import FoldersDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.folders import read_folders

CLASSES = {"NORMAL": ["No Finding"], "PNEUMONIA": ["Pneumonia"], "TB": ["Tuberculosis", "Pneumonia"]}
FILES = ["train/NORMAL/p1_a.jpg", "train/PNEUMONIA/p2_a.jpeg", "val/TB/p3_a.png", "test/NORMAL/p4_a.PNG"]


def read(root, files=FILES, classes=CLASSES, pattern=r"^(p\d+)_"):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    dataset = FoldersDataset(format="folders", root=root, classes=classes, patient_pattern=pattern)
    return read_folders(dataset, "kermany")


def test_an_image_has_the_findings_of_its_folder_and_not_those_of_the_others(tmp_path):
    source = read(tmp_path)
    assert source.findings == ("No Finding", "Pneumonia", "Tuberculosis")
    rows = source.rows.set_index("patient_id")
    assert rows.loc[["p1", "p2", "p3"], list(source.findings)].to_numpy().tolist() == [
        ["1", "0", "0"], ["0", "1", "0"], ["0", "1", "1"],
    ]  # fmt: skip
    assert rows["listed"].to_dict() == {"p1": "train", "p2": "train", "p3": "val", "p4": "test"}
    assert source.rows["image_id"].is_unique


def test_files_in_no_class_are_told_and_other_files_are_not_images(tmp_path):
    source = read(tmp_path, [*FILES, "readme.txt", "train/NORMAL/Thumbs.db", "train/p9_a.png"])
    assert len(source.rows) == 4
    assert source.notes[0] == "kermany: 1 images lie in no folder of a class and were left out"


def test_a_name_without_patient_is_rejected(tmp_path):
    source = read(tmp_path, [*FILES, "train/TB/scan.png"])
    assert source.rejected[["path", "reason"]].to_numpy().tolist() == [["train/TB/scan.png", "has no patient id"]]


def test_a_class_without_images_stops(tmp_path):
    with pytest.raises(UserError, match="no image lies in a folder 'COVID', a class of data set 'kermany'"):
        read(tmp_path, classes={**CLASSES, "COVID": ["Covid"]})


@pytest.mark.parametrize("classes", [{}, {"train": ["Mass"]}, {"a/b": ["Mass"]}, {"a": []}])
def test_classes_are_plain_folders_with_findings(tmp_path, classes):
    with pytest.raises(ValueError, match=r"cannot be the folder of a class|no folder has a finding|at least 1"):
        read(tmp_path, classes=classes)
