"""One manifest of several sources, its labels as numbers, and the tables every stage reads."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from cxr.config.errors import UserError
from cxr.datasets.manifest import merge_sources, read_table, write_table
from cxr.datasets.table import DESCRIPTION, REJECTED, SourceTable


def source(name, images, findings):
    """A source with images given as (image, patient, labels...)."""
    rows = pd.DataFrame("", index=range(len(images)), columns=[*DESCRIPTION, *findings])
    for row, (image, patient, *labels) in enumerate(images):
        rows.loc[row, ["image_id", "source", "path", "patient_id", "study_id"]] = (
            *(image, name, f"images/{image}", patient, f"{patient}-0"),
        )
        rows.loc[row, list(findings)] = labels
    rows["row"] = [str(number) for number in range(1, len(rows) + 1)]
    return SourceTable(name, Path(name), tuple(findings), rows, pd.DataFrame(columns=REJECTED))


ONE = source("one", [("a.png", "1", "1", "0"), ("b.png", "2", "0", "-1")], ["Mass", "Edema"])
TWO = source("two", [("a.png", "1", "1", "1")], ["Edema", "Hernia"])


def test_one_source_keeps_its_ids():
    manifest, _ = merge_sources([ONE])
    assert manifest["image_id"].to_list() == ["a.png", "b.png"]
    assert manifest["patient_id"].to_list() == ["1", "2"]
    assert list(manifest.columns) == [*DESCRIPTION, "Mass", "Edema", "row"]
    pd.testing.assert_frame_equal(manifest, ONE.rows)


def test_equal_numbers_of_two_sources_are_different_patients():
    manifest, _ = merge_sources([ONE, TWO])
    assert manifest["image_id"].to_list() == ["one:a.png", "one:b.png", "two:a.png"]
    assert manifest["patient_id"].to_list() == ["one:1", "one:2", "two:1"]
    assert manifest["study_id"].to_list() == ["one:1-0", "one:2-0", "two:1-0"]
    assert manifest["path"].to_list() == ["images/a.png", "images/b.png", "images/a.png"]
    assert ONE.rows["image_id"].to_list() == ["a.png", "b.png"]


def test_an_unknown_study_stays_unknown_among_several_sources():
    """A prefix alone would make one study of all images of a patient."""
    unknown = dataclasses.replace(ONE, rows=ONE.rows.assign(study_id=""))
    assert merge_sources([unknown, TWO])[0]["study_id"].to_list() == ["", "", "two:1-0"]


def test_patients_of_one_origin_stay_one_patient_and_their_images_are_used_once():
    """One download in two folders, each with the whole label table, must not leak patients into two parts."""
    first = dataclasses.replace(source("A", [("a.png", "1", "1"), ("b.png", "2", "0")], ["Mass"]), origin="nih")
    second = dataclasses.replace(source("B", [("c.png", "1", "0"), ("b.png", "2", "0")], ["Mass"]), origin="nih")
    manifest, rejected = merge_sources([first, second])
    assert manifest["image_id"].to_list() == ["A:a.png", "A:b.png", "B:c.png"]
    assert manifest["patient_id"].to_list() == ["nih:1", "nih:2", "nih:1"]
    assert rejected[["source", "row", "path"]].to_numpy().tolist() == [["B", "2", "images/b.png"]]
    assert "earlier data set" in rejected["reason"].iloc[0]


def test_a_finding_that_a_source_does_not_label_is_unknown_there():
    manifest, _ = merge_sources([ONE, TWO])
    assert list(manifest.columns) == [*DESCRIPTION, "Mass", "Edema", "Hernia", "row"]
    assert manifest[["Mass", "Edema", "Hernia"]].to_numpy().tolist() == [
        ["1", "0", ""],
        ["0", "-1", ""],
        ["", "1", "1"],
    ]


def test_what_is_written_reads_back_as_text(tmp_path):
    manifest, _ = merge_sources([ONE, TWO])
    manifest.loc[0, ["patient_id", "view", "sex"]] = ["007", "NA", 'a "quoted", text\nof two lines']
    write_table(tmp_path / "new" / "manifest.csv", manifest)
    read = read_table(tmp_path / "new" / "manifest.csv", DESCRIPTION)
    pd.testing.assert_frame_equal(read, manifest)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["manifest.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"table\.csv: cannot be read as a CSV table \(.*No such file"),
        (b"", "cannot be read as a CSV table"),
        (b"\xff\xfe,b\n", "cannot be read as a CSV table"),
        (b"a,b\n1,2\n1,2,3\n", "cannot be read as a CSV table"),
        (b'a,b\n"1,2\n', "cannot be read as a CSV table"),
        (b"a,b\n1,2,3\n4,5,6\n", "its rows have more cells than its header"),
        (b"a,c,d\n1,2,3\n", r"has no column b; found a, c, d"),
    ],
    ids=["missing", "empty", "no text", "ragged", "open quote", "wide rows", "columns"],
)
def test_a_table_that_cannot_be_used_is_one_sentence(tmp_path, content, message):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        read_table(path, ["a", "b"])
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
