"""NIH's layout, as it comes and as it breaks: every row is used or rejected with a reason, or one sentence stops."""

import csv
import io
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.datasets import NihDataset
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.datasets.sources.nih import read_nih
from cxr.datasets.table import DESCRIPTION, REJECTED


def reasons(source):
    """Reason by image id of the rejected rows."""
    return dict(zip(source.rejected["path"], source.rejected["reason"], strict=True))


def positives(source, image):
    row = source.rows.set_index("image_id").loc[image]
    return {finding for finding in NIH14 if row[finding] == "1"}


def test_images_are_found_in_nested_folders_and_by_name_only(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1", "b.JPG,Mass,2", "c.png,Mass,3"], images=[])
    for place in ("a.png", "images_002/images/b.JPG", "x/y/z/c.png", "masks/a.png", "x/masks/c.png"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).touch()
    source = read(folder)
    assert list(source.rows["path"]) == ["a.png", "images_002/images/b.JPG", "x/y/z/c.png"]
    assert source.root == folder
    assert source.notes == []


def test_a_name_in_two_folders_is_told_and_the_first_is_used(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1"])
    (folder / "images_000").mkdir()
    (folder / "images_000" / "a.png").touch()
    source = read(folder)
    assert list(source.rows["path"]) == ["images_000/a.png"]
    assert source.notes == ["nih: 1 file names occur in several folders; the first in sorted order is used"]


def test_linked_folders_are_followed_once(nih_folder, read, tmp_path):
    folder = nih_folder(["a.png,Mass,1"], images=[])
    elsewhere = tmp_path / "elsewhere" / "images"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.png").touch()
    (folder / "images_009").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "round").symlink_to(folder, target_is_directory=True)
    source = read(folder)
    assert list(source.rows["path"]) == ["images_009/a.png"]
    assert source.notes == []


def test_labels_become_one_column_each(nih_folder, read):
    rows = ["a.png,Mass|Edema,1", "b.png,No Finding,1", "c.png, Hernia | Pleural_Thickening,2"]
    source = read(nih_folder(rows))
    assert positives(source, "a.png") == {"Mass", "Edema"}
    assert positives(source, "b.png") == set()
    assert positives(source, "c.png") == {"Hernia", "Pleural_Thickening"}
    assert set(source.rows[list(NIH14)].to_numpy().ravel()) == {"0", "1"}
    assert source.rows["No Finding"].to_list() == ["0", "1", "0"]
    assert list(source.rows.columns) == [*DESCRIPTION, *NIH14, "No Finding", "row"]
    assert source.rows["row"].to_list() == [1, 2, 3]
    assert list(source.rejected.columns) == REJECTED
    assert source.findings == (*NIH14, "No Finding")
    assert source.origin == "nih"
    assert not source.synthetic


def test_the_description_of_an_image_is_kept(nih_folder, read):
    [row] = read(nih_folder(["a.png,Mass,17,058Y,3"])).rows.to_dict("records")
    assert {key: row[key] for key in DESCRIPTION} == {
        **{"image_id": "a.png", "source": "nih", "path": "images_001/images/a.png", "patient_id": "17"},
        **{"study_id": "17-3", "view": "PA", "sex": "F", "age": "58", "listed": ""},
    }


@pytest.mark.parametrize("end", ["", ",", ",,"])
def test_a_final_comma_changes_nothing(nih_folder, read, end):
    plain = read(nih_folder(["a.png,Mass,1"]))
    assert read(nih_folder(["a.png,Mass,1"], end=end)).rows.equals(plain.rows)


def test_a_final_comma_in_the_rows_only_or_the_header_only_changes_nothing(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1", "b.png,Mass,2"])
    plain = read(folder)
    table = folder / "Data_Entry_2017.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *(f"{row}," for row in rows)]))
    assert read(folder).rows.equals(plain.rows)
    table.write_text("\n".join([header + ",", *rows]))
    assert read(folder).rows.equals(plain.rows)


def test_quoted_header_names_carriage_returns_blank_lines_and_a_byte_order_mark_change_nothing(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1", "b.png,Mass,2"])
    plain = read(folder)
    table = folder / "Data_Entry_2017.csv"
    text = table.read_text().replace("OriginalImage[Width,Height]", '"OriginalImage[Width,Height]"')
    table.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())
    assert read(folder).rows.equals(plain.rows)


def test_columns_are_found_by_name_and_optional_ones_may_be_missing(nih_folder, read):
    folder = nih_folder()
    (folder / "Data_Entry_2017.csv").write_text("Patient ID,Patient Sex,Image Index,Finding Labels\n9,M,a.png,Mass\n")
    [row] = read(folder).rows.to_dict("records")
    assert (row["patient_id"], row["sex"], row["age"], row["view"], row["study_id"]) == ("9", "M", "", "", "")
    assert row["Mass"] == "1"


@pytest.mark.parametrize("column", ["Image Index", "Finding Labels", "Patient ID"])
def test_a_missing_column_names_those_there_are(nih_folder, read, column):
    folder = nih_folder()
    table = folder / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace(column, "Something", 1))
    with pytest.raises(UserError, match=rf"Data_Entry_2017\.csv: has no column {column}; found .*Something.*View Pos"):
        read(folder)


def test_a_missing_folder_is_one_sentence(tmp_path, read):
    with pytest.raises(UserError, match=r"nowhere: no such folder; data set 'nih' needs one with a Data_Entry CSV"):
        read(tmp_path / "nowhere")


def test_the_table_must_be_one_or_named(nih_folder, read):
    folder = nih_folder()
    table = folder / "Data_Entry_2017.csv"
    table.rename(folder / "labels.csv")
    with pytest.raises(UserError, match=r"needs exactly one Data_Entry_2017\*\.csv, found none; name it with the key"):
        read(folder)
    assert len(read(folder, csv="labels.csv").rows) == 1
    with pytest.raises(UserError, match=r'other\.csv: no such file; it is the label table named by the key "csv"'):
        read(folder, csv="other.csv")
    for name in ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv"):
        (folder / name).write_bytes((folder / "labels.csv").read_bytes())
    with pytest.raises(UserError, match=r"found Data_Entry_2017\.csv, Data_Entry_2017_v2020\.csv; name it with the"):
        read(folder)


def test_a_listed_image_that_is_not_there_is_rejected_and_the_rest_goes_on(nih_folder, read):
    source = read(nih_folder(["a.png,Mass,1", "b.png,Edema,1", "c.png,Mass,2"], images=["a.png", "c.png"]))
    assert list(source.rows["image_id"]) == ["a.png", "c.png"]
    assert source.rejected.to_dict("records") == [
        {"source": "nih", "row": 2, "path": "b.png", "reason": "the image does not exist"}
    ]


def test_no_usable_row_stops_with_the_first_reason(nih_folder, read):
    message = r"none of its 2 rows can be used; the first reason: the image does not exist"
    with pytest.raises(UserError, match=message):
        read(nih_folder(["a.png,Mass,1", "b.png,Edema,1"], images=[]))
    with pytest.raises(UserError, match=r"none of its 0 rows can be used$"):
        read(nih_folder([]))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.png,Mass,1", "the image id was listed before"),
        ("b.png,Massive,1", 'unknown finding "Massive"'),
        ("b.png,Mass|mass,1", 'unknown finding "mass"'),
        ("b.png,,1", 'unknown finding ""'),
        ("b.png,No Finding|Mass,1", 'says "No Finding" together with a finding'),
        ("b.png,Mass,", "has no patient id"),
        ("b.png,Mass,  ", "has no patient id"),
        ("c/b.png,Mass,1", "the image does not exist"),
        ("images_001/images/a.png,Mass,2", "the image does not exist"),
        (",Mass,1", "has no path"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(nih_folder, read, row, reason):
    source = read(nih_folder(["a.png,Mass,1", row], images=["a.png", "b.png"]))
    assert list(source.rows["image_id"]) == ["a.png"]
    assert source.rejected["reason"].to_list() == [reason]
    assert source.rejected["row"].to_list() == [2]


def test_a_row_with_too_few_or_too_many_cells_is_rejected_because_its_patient_may_be_another(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1"], images=["a.png", "b.png", "c.png"])
    with (folder / "Data_Entry_2017.csv").open("a") as table:
        table.write("b.png,Mass, Edema,0,12,58,M,PA,2500,2048,0.171,0.171\nc.png,Mass,0,12")
    source = read(folder)
    assert list(source.rows["image_id"]) == ["a.png"]
    assert reasons(source) == {
        "images_001/images/b.png": "has 12 cells where the header has 11",
        "images_001/images/c.png": "has 4 cells where the header has 11",
    }


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", "58"), ("058Y", "58"), ("003M", "0"), ("012D", "0"), ("090m", "0"), ("0", "0"), ("120", "120"),
        ("121", ""), ("411", ""), ("", ""), ("-3", ""), ("5.5", "5"), ("58.0", "58"), ("old", ""), ("58Z", ""),
        ("9" * 400, ""), (" 58 ", "58"),
    ],
)  # fmt: skip
def test_ages_are_whole_years_or_empty(nih_folder, read, text, years):
    source = read(nih_folder([f"a.png,Mass,1,{text}", "b.png,Mass,1,30"]))
    assert list(source.rows["age"]) == [years, "30"]
    told = "nih: 1 rows have no age between 0 and 120 years; it is left empty"
    assert (told in source.notes) == (years == "")


def test_files_that_no_row_names_are_counted(nih_folder, read):
    source = read(nih_folder(["a.png,Mass,1", "b.png,What,1"], images=["a.png", "b.png", "x.png", "y.jpeg", "z.txt"]))
    assert source.notes == ["nih: 2 image files on disk are named by no row of Data_Entry_2017.csv and were left out"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_lists_count_their_last_line_however_they_end(nih_folder, read, newline, final):
    folder = nih_folder(["a.png,Mass,1", "b.png,Mass,1", "c.png,Mass,2", "d.png,Mass,3"])
    for name, images in (("train_val_list.txt", ["a.png", "b.png"]), ("test_list.txt", ["c.png", "zzz.png"][::-1])):
        (folder / name).write_bytes((newline.join(images) + newline * final).encode())
    source = read(folder)
    assert list(source.rows["listed"]) == ["train_val", "train_val", "test", ""]


def test_one_list_may_be_missing(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1", "b.png,Mass,2"])
    (folder / "test_list.txt").write_text("b.png")
    assert list(read(folder).rows["listed"]) == ["", "test"]


def test_an_image_in_both_lists_stops(nih_folder, read):
    folder = nih_folder()
    for name in ("train_val_list.txt", "test_list.txt"):
        (folder / name).write_text("b.png\na.png\n" if "val" in name else "a.png\n")
    with pytest.raises(UserError, match=r"test_list\.txt: lists a\.png, which train_val_list\.txt lists too"):
        read(folder)


def test_limit_patients_keeps_the_first_of_each_part_whole_and_says_so(nih_folder, read):
    images = {"10": ["a.png", "b.png"], "9": ["c.png", "d.png"], "100": ["e.png"], "7": ["f.png"], "8": ["g.png"]}
    folder = nih_folder([f"{image},Mass,{patient}" for patient, names in images.items() for image in names])
    (folder / "train_val_list.txt").write_text("a.png\nb.png\nc.png\nd.png\ne.png\n")
    (folder / "test_list.txt").write_text("g.png\nf.png\n")
    source = read(folder, limit_patients=1)
    assert list(source.rows["image_id"]) == ["c.png", "d.png", "f.png"]
    assert source.notes == ["nih: limit_patients 1 keeps 3 of 7 usable images"]
    assert list(read(folder, limit_patients=2).rows["patient_id"].unique()) == ["10", "9", "7", "8"]
    assert len(read(folder, limit_patients=50).rows) == 7


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Data_Entry_2017.csv", "Image Index,é\n".encode("latin-1"), r"is not UTF-8 text \(.*\); save it as UTF-8"),
        ("Data_Entry_2017.csv", "Image Index\n".encode("utf-16"), r"is not UTF-8 text \(.*\); save it as UTF-8"),
        ("Data_Entry_2017.csv", b"", r"has no column Image Index, Finding Labels, Patient ID; found"),
        ("Data_Entry_2017.csv", b'Image Index,Finding Labels,Patient ID\na.png,"Mass,1\n', "cannot be read as a CSV"),
        ("test_list.txt", b"a.png\n\xff\xfe\n", r"cannot be read as a list of images"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(nih_folder, read, name, content, message):
    folder = nih_folder()
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        read(folder)
    assert str(raised.value).startswith(str(folder / name))
    assert "\n" not in str(raised.value)


IMAGES = ["a.png", "b.png", "c.png"]
COLUMNS = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(IMAGES) | TEXT,
        st.sampled_from(["Mass", "No Finding", "Mass|Edema", "Mass|", "mass", "No Finding|Mass"]) | TEXT,
        TEXT,
        st.sampled_from(["1", "2", ""]) | TEXT,
        st.sampled_from(["30", "058Y", "411"]) | TEXT,
        TEXT,
    ).flatmap(lambda cells: st.sampled_from([cells, cells, cells, cells[:4], (*cells, "surplus"), (*cells, "")])),
    max_size=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    for image in IMAGES:
        (folder / image).touch()
    return folder


CONTROLS = {"Cc", "Zl", "Zp", "Cs"}  # Unicode categories that no table can hold in an id: controls, line ends


def read_or_refuse(folder, content):
    """Return the SourceTable, or None where it is refused with a sentence; anything else is a crash."""
    (folder / "Data_Entry_2017.csv").write_bytes(content)
    try:
        return read_nih(NihDataset(format="nih", root=folder), "nih")
    except UserError as error:
        assert str(error)
        return None


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ROWS)
def test_every_row_is_accepted_or_rejected(folder, rows):
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    source = read_or_refuse(folder, text.getvalue().encode())
    good = [row for row in rows if row[0] in IMAGES and row[1] in ("Mass", "No Finding", "Mass|Edema")]
    good = [row for row in good if row[3].strip() and CONTROLS.isdisjoint(map(category, row[3].strip()))]
    good = [row for row in good if len(row) >= len(COLUMNS) and row[-1] != "surplus"]
    if source is None:
        assert not [row for row in good if row[0] not in {other[0] for other in rows if other is not row}]
        return
    assert len(source.rows) + len(source.rejected) == len(rows)
    assert set(source.rows["image_id"]) <= {row[0] for row in good}
    assert source.rows["image_id"].is_unique
    assert (source.rejected["reason"] != "").all()
    numbers = sorted(source.rejected["row"])
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(1, len(rows) + 1))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60) | st.text('ab,"\n\r\0é|1 ', max_size=60).map(str.encode), st.booleans())
def test_any_bytes_are_a_table_or_a_sentence(folder, content, after_a_good_row):
    good = b"Image Index,Finding Labels,Patient ID\na.png,Mass,1\n"
    source = read_or_refuse(folder, good + content if after_a_good_row else content)
    assert after_a_good_row or source is None
