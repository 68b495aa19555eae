"""NIH's boxes on their grid of 1024, and all of the real ones."""

import pytest

from cxr.config.errors import UserError
from cxr.datasets.manifest import merge_boxes
from cxr.datasets.sources.nih_boxes import read_boxes
from cxr.datasets.table import BOXES

HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"


def test_boxes_become_shares_of_the_image(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(f"{HEADER}a.png,Infiltrate,256,512,102.4,51.2,,,\nb.png,Mass,0,0,1024,1024\n")
    boxes = read_boxes(path)
    assert list(boxes.columns) == BOXES
    assert boxes.to_numpy().tolist() == [
        ["a.png", "Infiltration", 0.25, 0.5, 0.1, 0.05],
        ["b.png", "Mass", 0, 0, 1, 1],
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.png,Masse,1,1,1,1", r"row 1 has an unknown finding: Masse, 1, 1, 1, 1"),
        ("a.png,Mass,x,1,1,1", r"row 1 is no box of the image: Mass, x, 1, 1, 1"),
        ("a.png,Mass,1000,1,100,1", r"row 1 is no box of the image.*all of the box within it"),
        ("a.png,Mass,1,1,0,1", r"row 1 is no box of the image"),
        ("a.png,Mass,1,1", r"row 1 has 4 cells where the header has 6"),
    ],
)
def test_a_line_that_is_no_box_is_one_sentence(tmp_path, line, message):
    (tmp_path / "boxes.csv").write_text(HEADER + line + "\n")
    with pytest.raises(UserError, match=message):
        read_boxes(tmp_path / "boxes.csv")


def test_boxes_are_read_with_their_images_and_named_like_them(nih_folder, read):
    folder = nih_folder(["a.png,Mass,1", "b.png,Mass,2"])
    assert read(folder).boxes.empty
    (folder / "BBox_List_2017.csv").write_text(f"{HEADER}a.png,Mass,0,0,512,512,,,\n")
    source = read(folder)
    assert source.boxes["image_id"].to_list() == ["a.png"]
    assert merge_boxes([source]).equals(source.boxes)
    both = merge_boxes([source, read(nih_folder())])
    assert both["image_id"].to_list() == ["nih:a.png", "nih:a.png"]


def test_all_real_boxes_are_read(real_data):
    boxes = read_boxes(real_data / "nih-metadata" / "BBox_List_2017.csv.gz")
    assert len(boxes) == 984
    assert boxes["image_id"].nunique() == 880
    assert boxes["finding"].nunique() == 8
