import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr.config.params import Margins
from cxr.preparation.box import box_from_mask, whole_image_box

MASKS = arrays(np.bool_, st.tuples(st.integers(4, 20), st.integers(4, 20))).filter(np.any)
FRACTIONS = st.floats(0, 0.5)
MARGINS = st.builds(Margins, top=FRACTIONS, bottom=FRACTIONS, sides=FRACTIONS)
NO_MARGINS = Margins(top=0, bottom=0, sides=0)
SIDES = st.integers(40, 3000)


def wanted_rectangle(mask, height_px, width_px, margins):
    """x0, y0, x1, y1 of the mask with its margins in pixels of the image, not yet squared or rounded."""
    rows, columns = np.nonzero(mask)
    y0, y1 = np.array([rows.min(), rows.max() + 1]) * height_px / mask.shape[0]
    x0, x1 = np.array([columns.min(), columns.max() + 1]) * width_px / mask.shape[1]
    height, width = y1 - y0, x1 - x0
    return (
        x0 - margins.sides * width,
        y0 - margins.top * height,
        x1 + margins.sides * width,
        y1 + margins.bottom * height,
    )


@settings(deadline=None)
@given(MASKS, SIDES, SIDES, MARGINS)
def test_the_box_is_the_smallest_square_around_mask_and_margins(mask, height_px, width_px, margins):
    box = box_from_mask(mask, height_px, width_px, margins)
    x0, y0, x1, y1 = wanted_rectangle(mask, height_px, width_px, margins)
    assert box.x1 - box.x0 == box.y1 - box.y0
    assert box.x1 - box.x0 == pytest.approx(max(x1 - x0, y1 - y0), abs=0.51)
    assert box.x0 <= x0 + 1.01
    assert box.y0 <= y0 + 1.01
    assert box.x1 >= x1 - 1.01
    assert box.y1 >= y1 - 1.01
    assert (box.x0 + box.x1) / 2 == pytest.approx((x0 + x1) / 2, abs=1.01)
    assert (box.y0 + box.y1) / 2 == pytest.approx((y0 + y1) / 2, abs=1.01)
    assert all(type(side) is int for side in box)


@settings(deadline=None)
@given(MASKS, SIDES, SIDES, MARGINS, st.integers(2, 5))
def test_a_finer_mask_or_image_gives_the_same_box(mask, height_px, width_px, margins, factor):
    box = box_from_mask(mask, height_px, width_px, margins)
    finer = np.kron(mask, np.ones((factor, factor), bool))
    np.testing.assert_allclose(box_from_mask(finer, height_px, width_px, margins), box, atol=1)
    larger = box_from_mask(mask, height_px * factor, width_px * factor, margins)
    np.testing.assert_allclose(larger, np.array(box) * factor, atol=1.01 * factor + 1)


def test_a_box_of_known_numbers():
    mask = np.zeros((10, 10), bool)
    mask[2:8, 3:7] = True  # of a 100 x 200 image: y 20 to 80, x 60 to 140
    assert box_from_mask(mask, 100, 200, NO_MARGINS) == (60, 10, 140, 90)
    assert box_from_mask(mask, 100, 200, Margins(top=0.5, bottom=0.5, sides=0.25)) == (40, -10, 160, 110)
    assert box_from_mask(mask, 100, 200, Margins(top=1.0, bottom=0.0, sides=0.0)) == (40, -40, 160, 80)


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="the mask is empty"):
        box_from_mask(np.zeros((8, 8), bool), 100, 100, NO_MARGINS)


@pytest.mark.parametrize(
    ("height_px", "width_px", "box"),
    [(100, 100, (0, 0, 100, 100)), (60, 100, (0, -20, 100, 80)), (100, 60, (-20, 0, 80, 100))],
)
def test_the_whole_image_is_padded_evenly(height_px, width_px, box):
    assert whole_image_box(height_px, width_px) == box


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_the_box_of_the_whole_image_holds_all_of_it(height_px, width_px):
    x0, y0, x1, y1 = whole_image_box(height_px, width_px)
    assert x1 - x0 == y1 - y0 == max(height_px, width_px)
    assert x0 <= 0 <= width_px <= x1
    assert y0 <= 0 <= height_px <= y1
