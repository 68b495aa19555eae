import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.images.geometry import Box
from cxr.images.lies import BY_NAME, LYING, UPRIGHT


def test_what_each_way_to_lie_means():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)  # its head is row 0
    np.testing.assert_array_equal(BY_NAME["head left"].lay(image)[:, 0], image[0, ::-1])
    np.testing.assert_array_equal(BY_NAME["head right"].lay(image)[:, -1], image[0])
    np.testing.assert_array_equal(BY_NAME["head down"].lay(image), image[::-1, ::-1])
    np.testing.assert_array_equal(BY_NAME["inverted"].lay(image), 255 - image)
    np.testing.assert_array_equal(UPRIGHT.lay(image), image)
    assert list(BY_NAME) == ["", "head left", "head down", "head right", "inverted"]


@pytest.mark.parametrize("lie", [UPRIGHT, *LYING], ids=lambda lie: lie.name or "upright")
def test_there_and_back_is_the_same(lie):
    image = np.random.default_rng(1).integers(0, 256, (5, 8), np.uint8)
    np.testing.assert_array_equal(lie.set_upright(lie.lay(image)), image)
    assert lie.set_upright(image).flags["C_CONTIGUOUS"]


@given(st.sampled_from([UPRIGHT, *LYING]), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_box_turns_with_what_it_encloses(lie, height, width, data):
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    rows, columns = np.nonzero(lie.turn(mask))
    around = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert lie.turn_box(Box(x0, y0, x1, y1), height, width) == around
