"""Lists of `path 0 1 0 ...`: parts, separators, patients by pattern."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.config.datasets import ListDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.listing import read_list

PATTERN = r"(\d{8})_\d{3}"
IMAGES = ["images_001/00000001_000.png", "images_002/00000002_000.png", "images_002/00000002_001.png"]


@pytest.fixture
def folder(tmp_path):
    """A function: file name -> its text; the three images are there."""

    def make(**lists):
        for image in IMAGES:
            (tmp_path / image).parent.mkdir(exist_ok=True)
            (tmp_path / image).touch()
        for name, text in lists.items():
            (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def read(root, *names, findings=("Mass", "Edema"), pattern=PATTERN):
    lists = {name: f"{name}.txt" for name in names}
    dataset = ListDataset(format="list", root=root, lists=lists, findings=list(findings), patient_pattern=pattern)
    return read_list(dataset, "published")


def test_parts_patients_and_labels_are_read(folder):
    root = folder(train=f"{IMAGES[0]} 0 1\n{IMAGES[1]} 0 0", test=f"{IMAGES[2]} 1 0\n")
    rows = read(root, "train", "test").rows
    assert rows["path"].to_list() == IMAGES
    assert rows["patient_id"].to_list() == ["00000001", "00000002", "00000002"]
    assert rows["listed"].to_list() == ["train", "train", "test"]
    assert rows[["Mass", "Edema"]].to_numpy().tolist() == [["0", "1"], ["0", "0"], ["1", "0"]]


@pytest.mark.parametrize("text", ["{0}\t1\t0\r\n\r\n", "{0},1,0", "{0} ; 1 ; 0 \n", "\ufeff{0}   1 0"])
def test_any_separator_and_line_end_will_do(folder, text):
    rows = read(folder(all=text.format(IMAGES[0])), "all").rows
    assert rows[["path", "Mass", "Edema", "listed"]].to_numpy().tolist() == [[IMAGES[0], "1", "0", ""]]


def test_an_image_is_found_by_its_name_in_any_folder(folder):
    rows = read(folder(all="elsewhere/00000002_001.png 1 0"), "all").rows
    assert rows["path"].to_list() == [IMAGES[2]]
    assert rows["image_id"].to_list() == ["00000002_001.png"]


def test_equal_names_in_two_folders_are_two_images(folder, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "00000009_000.png").touch()
    rows = read(folder(all="a/00000009_000.png 1 0\nb/00000009_000.png 0 0"), "all").rows
    assert rows["image_id"].to_list() == ["a-00000009_000.png", "b-00000009_000.png"]


def test_lines_that_cannot_be_used_say_why(folder):
    lines = [f"{IMAGES[0]} 1 0", f"{IMAGES[1]} 1", f"{IMAGES[1]} 1 0 0", f"{IMAGES[1]} 1 2", "gone.png 1 0",
             "images_001/scan.png 0 0"]  # fmt: skip
    root = folder(all="\n".join(lines))
    (root / "images_001/scan.png").touch()
    source = read(root, "all")
    assert source.rows["path"].to_list() == [IMAGES[0]]
    assert source.rejected["reason"].to_list() == [
        "has 1 labels for 2 findings",
        "has 3 labels for 2 findings",
        'has the label "2"; allowed are 0 and 1',
        "the image does not exist",
        "has no patient id",
    ]


def test_a_missing_list_and_an_unreadable_one_are_one_sentence(folder):
    root = folder()
    with pytest.raises(UserError, match=r"val\.txt: cannot be read \(No such file or directory\); a list of the data"):
        read(root, "val")
    (root / "val.txt").write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(UserError, match=r"val\.txt: is not UTF-8 text"):
        read(root, "val")


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "is no regular expression"), (r"\d+", "has 0 groups"), (r"(a)(b)", "has 2 groups")]
)
def test_a_pattern_needs_exactly_one_group(tmp_path, pattern, message):
    with pytest.raises(ValueError, match=message):
        ListDataset(format="list", root=tmp_path, lists={"all": "a"}, patient_pattern=pattern)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([f"{IMAGES[0]} 1 0", f"{IMAGES[1]},0,0", "x 1 1", "\t", ""]) | st.text(max_size=12)))
def test_every_line_of_a_random_list_is_accepted_or_rejected(tmp_path_factory, lines):
    root = tmp_path_factory.mktemp("random")
    for image in IMAGES[:2]:
        (root / image).parent.mkdir()
        (root / image).touch()
    text = "\n".join(lines)
    (root / "all.txt").write_text(text, encoding="utf-8", errors="replace", newline="")
    said = [line for line in (root / "all.txt").read_text(encoding="utf-8-sig").splitlines() if line.strip(" \t,;")]
    try:
        source = read(root, "all")
    except UserError as error:
        assert "can be used" in str(error)
        return
    assert sorted([*source.rows["row"], *source.rejected["row"]]) == list(range(1, len(said) + 1))
    assert set(source.rows["patient_id"]) <= {"00000001", "00000002"}
