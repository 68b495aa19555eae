"""Any table by its mapping; random tables give a sentence, or every row accepted or rejected."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.datasets import TableDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.table import read_table_source

COLUMNS = {"path": "file", "patient_id": "pid", "findings": {"Edema": "oedema", "Scoliosis": "curve"}}
MORE = {"image_id": "id", "study_id": "visit", "view": "view", "sex": "gender", "age": "years", "split": "part"}


def read(root, columns=COLUMNS, **keys):
    (root / "scans").mkdir(exist_ok=True)
    for name in ("a", "b", "c"):
        (root / "scans" / f"{name}.png").touch()
    return read_table_source(TableDataset.model_validate({"format": "table", "root": root, "csv": "t.csv",
                                                          "columns": columns, **keys}), "mine")  # fmt: skip


def test_columns_are_mapped_and_own_findings_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("curve,pid,file,oedema\n1,7,scans/a.png,-1\n,8,scans/b.png,0.0\n")
    source = read(tmp_path)
    assert source.rows[["image_id", "path", "patient_id", "Edema", "Scoliosis"]].to_numpy().tolist() == [
        ["scans-a.png", "scans/a.png", "7", "-1", "1"],
        ["scans-b.png", "scans/b.png", "8", "0", ""],
    ]
    assert source.findings == ("Edema", "Scoliosis")
    assert source.origin == "mine"


def test_every_description_may_be_mapped(tmp_path):
    header = "file,pid,id,visit,view,gender,years,part,oedema,curve"
    (tmp_path / "t.csv").write_text(f"{header}\nscans/a.png,7,A1,7-2,LL,female,058Y,val,0,0\n")
    [row] = read(tmp_path, {**COLUMNS, **MORE}).rows.to_dict("records")
    wanted = {"image_id": "A1", "study_id": "7-2", "view": "LATERAL", "sex": "F", "age": "58", "listed": "val"}
    assert {key: row[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("scans/b.png,,0,0", "has no patient id"),
        (",8,0,0", "has no path"),
        ("scans/d.png,8,0,0", "the image does not exist"),
        ("s" * 5000 + ",8,0,0", "the image does not exist"),
        ("scans/a.png,8,0,0", "the image id was listed before"),
        ("scans/./a.png,8,0,0", "its file was listed before under another name"),
        ("scans/b.png,8,yes,0", 'Edema is "yes"; allowed are 1, 0, -1 and nothing'),
        ("scans/b.png,8,0", "has 3 cells where the header has 4"),
        ("scans/b.png,8,0,0,1", "has 5 cells where the header has 4"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(tmp_path, line, reason):
    (tmp_path / "t.csv").write_text(f"file,pid,oedema,curve\nscans/a.png,7,1,0\n{line}\n")
    source = read(tmp_path)
    assert len(source.rows) == 1
    assert source.rejected[["row", "reason"]].to_numpy().tolist() == [[2, reason]]


def test_a_part_that_is_none_is_rejected(tmp_path):
    (tmp_path / "t.csv").write_text("file,pid,oedema,curve,part\nscans/a.png,7,1,0,test\nscans/b.png,8,1,0,holdout\n")
    source = read(tmp_path, {**COLUMNS, "split": "part"})
    assert source.rejected["reason"].to_list() == ['is in part "holdout", which is none']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"t\.csv: cannot be read as a CSV table \(No such file"),
        ("file,pid,curve\n", r"t\.csv: has no column oedema; found file, pid, curve"),
        ("file,pid,oedema,curve,pid\n", r"t\.csv: has 2 columns called pid; one is needed"),
        ("file,pid,oedema,curve\n", r"t\.csv: none of its 0 rows can be used"),
        ("file,pid,oedema,curve\nx.png,1,1,1\n", r"none of its 1 rows can be used; the first reason: the image does"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(tmp_path, text, message):
    if text is not None:
        (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read(tmp_path)


CELL = st.sampled_from(["scans/a.png", "scans/b.png", "1", "0", "-1", "", "7", "058Y", "train"]) | st.text(max_size=4)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=8))
def test_every_row_of_a_random_table_is_accepted_or_rejected(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("random")
    text = io.StringIO()
    csv.writer(text).writerows([["file", "pid", "oedema", "curve"], *rows])
    (folder / "t.csv").write_text(text.getvalue(), encoding="utf-8", errors="replace", newline="")
    try:
        source = read(folder)
    except UserError as error:
        assert str(error).startswith(str(folder))
        return
    assert len(source.rows) + len(source.rejected) == len(rows)
    assert sorted([*source.rows["row"], *source.rejected["row"]]) == list(range(1, len(rows) + 1))
    assert source.rows["image_id"].is_unique
    assert (source.rows["patient_id"].str.strip() != "").all()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_a_sentence(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "t.csv").write_bytes(content)
    with pytest.raises(UserError) as raised:
        read(folder)
    assert "\n" not in str(raised.value).replace(repr(content), "")
