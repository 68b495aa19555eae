import numpy as np
import pytest

from cxr.evaluation.image_names import bare_name, find_images

KNOWN = ["00000001_000.png", "b/view1.jpg", "c/view1.jpg", "x.1"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("00000001_000.png", 0), ("00000001_000", 0), ("images_001/images/00000001_000.png", 0), ("a\\00000001_000", 0),
        ("00000001_000.JPG", 0), ("b/view1.jpg", 1), ("view1.jpg", -1), ("x.1", 3), ("x.2", -1), ("", -1),
    ],
)  # fmt: skip
def test_names_are_found_exactly_or_without_folder_and_ending(name, row):
    np.testing.assert_array_equal(find_images([name], KNOWN), [row])


def test_what_is_no_image_ending_belongs_to_the_name():
    assert bare_name("1.2.840.113") == "1.2.840.113"
    assert bare_name("/a/1.2.840.dcm") == "1.2.840"
