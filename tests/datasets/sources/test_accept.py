"""What every source's rows go through: names that no table can hold are refused, other cells are written out."""

import os

import pandas as pd

from cxr.config.datasets import FolderDataset
from cxr.datasets.manifest import read_table, write_table
from cxr.datasets.sources.accept import accept_rows
from cxr.datasets.sources.files import walk_files
from cxr.datasets.table import DESCRIPTION, REJECTED


def accept(root, records):
    rows = pd.DataFrame(records).assign(Mass="1")
    dataset = FolderDataset(format="x", root=root)
    return accept_rows(dataset, "made", root / "t.csv", rows, pd.Series("", index=rows.index), ["Mass"])


def test_line_ends_and_names_that_are_no_text_are_refused(tmp_path):
    latin = os.fsdecode(b"caf\xe9.png")
    names = ["a.png", "b\r.png", latin, "d.png", "e.png", "f.png"]
    for name in names:
        (tmp_path / name).touch()
    patients = ["1", "2", "3", "7\r8", "9", "10"]
    records = [
        {"path": name, "image_id": name, "patient_id": patient, "sex": "F", "view": "PA"}
        for name, patient in zip(names, patients, strict=True)
    ]
    records[4] |= {"sex": "x\x0by", "view": "P\rA"}
    records[5] |= {"image_id": "f\u2028"}
    source = accept(tmp_path, records)
    assert list(source.rows["path"]) == ["a.png", "e.png"]
    assert list(source.rows["sex"]) == ["F", "x\\x0by"]
    assert list(source.rows["view"]) == ["PA", "P\\rA"]
    told = dict(zip(source.rejected["path"], source.rejected["reason"], strict=True))
    start = "holds a control character, or what is no text, in its "
    assert told == {
        "b\\r.png": start + "path", "caf\\udce9.png": start + "path", "d.png": start + "patient id",
        "f.png": start + "image id",
    }  # fmt: skip
    for table, columns in ((source.rows, DESCRIPTION), (source.rejected.astype(str), REJECTED)):
        write_table(tmp_path / "table.csv", table)
        again = read_table(tmp_path / "table.csv", columns)
        pd.testing.assert_frame_equal(again[columns], table[columns].astype(str), check_dtype=False)


def test_pipes_and_sockets_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "a.png").touch()
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    assert walk_files(tmp_path) == ["a.png", "broken.png"]
