import os

import pytest

from cxr.config.errors import UserError
from cxr.prediction.inputs import find_items

MARK = b"\0" * 128 + b"DICM"


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "in"
    (folder / "deep" / "masks").mkdir(parents=True)
    for name in ("b.PNG", "a.jpg", "deep/c.dcm", "deep/notes.txt", "deep/x.zip"):
        (folder / name).write_bytes(b"x")
    (folder / "deep" / "IM0001").write_bytes(MARK)
    return folder


def names(found, folder):
    return [os.path.relpath(item.name, folder) for item in found]


def test_a_folder_is_all_its_images_and_dicom_under_any_name(tree):
    assert names(find_items([tree]), tree) == ["a.jpg", "b.PNG", "deep/IM0001", "deep/c.dcm"]


def test_what_is_named_twice_counts_once_and_keeps_its_place(tree):
    found = find_items([tree / "b.PNG", tree, tree / "a.jpg"])
    assert names(found, tree) == ["b.PNG", "a.jpg", "deep/IM0001", "deep/c.dcm"]


def test_rows_of_two_tables_with_one_name_are_two_files_and_two_ways_to_a_file_are_one(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "list.csv").write_text("path\na.png\n./a.png\n../b.png\n")
        (tmp_path / folder / "a.png").write_bytes(b"x")
    found = find_items([tmp_path / "one" / "list.csv", tmp_path / "two" / "list.csv", tmp_path / "two" / "a.png"])
    assert [(item.name, item.path) for item in found if not item.reason] == [
        ("a.png", tmp_path / "one" / "a.png"),
        (str(tmp_path / "two" / "a.png"), tmp_path / "two" / "a.png"),
    ]
    assert [item.name for item in found if item.reason] == ["../b.png", f"{tmp_path / 'two' / 'list.csv'}: ../b.png"]


def test_a_table_names_images_relative_to_itself_and_never_by_two_dots(tree, tmp_path):
    outside = tmp_path / "outside.png"
    rows = ["a.jpg", "", "../outside.png", "deep/../../outside.png", "..\\outside.png", str(outside), "dots..png"]
    table = tree / "list.csv"
    table.write_text("n,Path\n" + "".join(f"{number},{row}\n" for number, row in enumerate(rows)))
    found = find_items([table])
    assert [item.name for item in found] == ["a.jpg", f"{table}, line 3", *rows[2:]]
    assert ["leads out" in item.reason for item in found] == [False, False, True, True, True, False, False]
    assert found[1].reason == "has no path"
    assert found[0].path == tree / "a.jpg"
    assert found[5].path == outside


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"study,finding\n1,2\n", "has no column path; it has study, finding"),
        (b"", "has no column path; it has none"),
        (b"path\n\xff\xfe\n", "cannot be read as a table"),
        (b"path\n", "holds no image"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(tmp_path, content, said):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        find_items([tmp_path / "list.csv"])
    assert "\n" not in str(error.value)


def test_what_is_not_there_or_no_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        find_items([tmp_path / "none.png"])
    with pytest.raises(UserError, match="is neither a file nor a folder"):
        find_items([type(tmp_path)("/dev/null")])
    with pytest.raises(UserError, match="holds no image"):
        find_items([tmp_path])


def test_a_folder_that_cannot_be_read_is_told_not_passed_over(tree, monkeypatch):
    scan = os.scandir

    def closed(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(UserError, match=r"deep: cannot be read \(Permission denied\); its images would be missing"):
        find_items([tree])


def test_a_name_that_is_no_text_can_still_be_written(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.png"
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")
    (item,) = find_items([tmp_path])
    item.name.encode("utf-8")
    assert os.fsencode(item.path) == path
