import numpy as np
import pytest
from matplotlib import colormaps

from cxr.images.geometry import Box
from cxr.visualization.caption import TEXT_COLOUR, write_caption
from cxr.visualization.overlay import BOX_COLOUR, GAP_PX, PANEL_PX, TRUE_COLOUR, overlay, side_by_side
from cxr.visualization.steps import PANEL_PX as STEP_PX
from cxr.visualization.steps import steps_picture

HOTTEST = np.array(colormaps["inferno"](1.0)[:3]) * 255


@pytest.fixture
def image():
    """(60, 90) uint8, neither black nor white anywhere."""
    return np.random.default_rng(1).integers(20, 230, (60, 90), dtype=np.uint8)


def grey(image):
    return np.repeat(image[..., None], 3, axis=2)


def test_no_heat_leaves_the_image_untouched(image):
    np.testing.assert_array_equal(overlay(image, np.zeros((60, 90), np.float32), 0.7), grey(image))


@pytest.mark.parametrize("opacity", [0.0, 0.45, 1.0])
def test_the_hottest_place_has_the_opacity_asked_for(image, opacity):
    heat = np.zeros((60, 90), np.float32)
    heat[30, 40] = 1
    found = overlay(image, heat, opacity)
    expected = image[30, 40] * (1 - opacity) + HOTTEST * opacity
    np.testing.assert_allclose(found[30, 40], expected, atol=0.51)
    heat[30, 40] = 0
    untouched = np.ones((60, 90), bool)
    untouched[30, 40] = False
    np.testing.assert_array_equal(found[untouched], grey(image)[untouched])
    assert found.dtype == np.uint8


def test_lukewarm_places_have_less(image):
    heat = np.full((60, 90), 0.5, np.float32)
    colour = np.array(colormaps["inferno"](np.float32(0.5))[:3]) * 255
    np.testing.assert_allclose(overlay(image, heat, 0.8), grey(image) * 0.6 + colour * 0.4, atol=0.51)


def test_heat_beyond_its_range_is_cut(image):
    hot, full = np.full((60, 90), 1.3, np.float32), np.ones((60, 90), np.float32)
    np.testing.assert_array_equal(overlay(image, hot, 0.5), overlay(image, full, 0.5))
    np.testing.assert_array_equal(overlay(image, -hot, 0.5), grey(image))


def test_jet_is_drawn_on_request(image):
    hot, jet = np.ones((60, 90), np.float32), np.array(colormaps["jet"](1.0)[:3]) * 255
    np.testing.assert_allclose(overlay(image, hot, 1, "jet"), np.broadcast_to(jet, (60, 90, 3)), atol=0.51)


def panels(picture, image):
    """The plain and the heated panel of a side-by-side picture without the rims of narrow images."""
    scale = PANEL_PX / max(image.shape)
    height, width = (max(round(side * scale), 1) for side in image.shape)
    assert picture.shape[1] == 2 * PANEL_PX + GAP_PX
    left = (PANEL_PX - width) // 2
    both = picture[-height:]
    return both[:, left : left + width], both[:, PANEL_PX + GAP_PX + left :][:, :width]


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (50, 50), (1000, 700), (20, 300)])
@pytest.mark.parametrize("box", [Box(10, 5, 40, 35), Box(-20, -15, 130, 135), Box(-200, -300, 1200, 1100)])
def test_images_of_any_shape_and_boxes_beyond_them_fit_the_picture(shape, box):
    image = np.random.default_rng(2).integers(20, 230, shape, dtype=np.uint8)
    picture = side_by_side(image, box, np.ones((7, 7), np.float32), 0.5, [("Mass 0.87   Ü.png", TEXT_COLOUR)])
    assert picture.dtype == np.uint8
    plain, heated = panels(picture, image)
    assert plain.shape == heated.shape
    caption = picture[: len(picture) - len(plain)]
    np.testing.assert_array_equal(caption, write_caption([("Mass 0.87   Ü.png", TEXT_COLOUR)], picture.shape[1]))
    assert (caption == TEXT_COLOUR).all(axis=2).any()


def test_heat_lies_inside_the_box_and_nowhere_else(image):
    box = Box(30, 15, 60, 45)
    plain, heated = panels(side_by_side(image, box, np.ones((5, 5), np.float32), 0.5, []), image)
    scale = PANEL_PX / 90
    x0, y0, x1, y1 = (round(side * scale) for side in box)
    outside = np.ones(heated.shape[:2], bool)
    outside[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = False
    assert (np.ptp(heated[outside].astype(int), axis=1) == 0).all()
    np.testing.assert_array_equal(plain[outside], heated[outside])
    inside = heated[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3].astype(int)
    np.testing.assert_allclose(inside, plain[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3] * 0.5 + HOTTEST * 0.5, atol=1)
    np.testing.assert_array_equal(plain[y0, x0 + 5 : x1 - 5], np.broadcast_to(BOX_COLOUR, (x1 - x0 - 10, 3)))


def test_the_hottest_cell_is_where_the_heat_was(image):
    heat = np.zeros((6, 6), np.float32)
    heat[1, 4] = 1
    box = Box(-30, 0, 60, 90)  # cells of 15 pixels: the cell spans x 30 to 45, y 15 to 30
    flat = np.full((60, 90), 100, np.uint8)
    flat[0, 0] = 101
    _, heated = panels(side_by_side(flat, box, heat, 0.9, []), flat)
    change = np.abs(heated.astype(int) - 100).sum(axis=2)
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert (x / PANEL_PX * 90, y / PANEL_PX * 90) == pytest.approx((37.5, 22.5), abs=3)


@pytest.mark.parametrize("with_lungs", [True, False])
@pytest.mark.parametrize("shape", [(60, 90), (90, 60)])
def test_the_whole_way_has_four_panels(shape, with_lungs):
    random = np.random.default_rng(4)
    image, crop = random.integers(20, 230, shape, dtype=np.uint8), random.integers(20, 230, (48, 48), dtype=np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[8:24, 4:12] = True
    heat = np.zeros((48, 48), np.float32)
    picture = steps_picture(image, mask if with_lungs else None, Box(-5, 2, 75, 82), crop, heat, 0.5, "Mass 0.87")
    side = STEP_PX
    assert picture.shape[1] == 4 * side + 3 * GAP_PX
    xray, lungs, cut, hot = (picture[-side:, place * (side + GAP_PX) :][:, :side].astype(int) for place in range(4))
    np.testing.assert_array_equal(cut, hot)  # there is no heat
    coloured = np.ptp(lungs, axis=2) > 0
    assert coloured.any()  # the box
    assert (np.ptp(xray, axis=2) == 0).all()
    offset = (side - round(side * shape[0] / max(shape))) // 2, (side - round(side * shape[1] / max(shape))) // 2
    inner = coloured[offset[0] : side - offset[0], offset[1] : side - offset[1]]
    tinted = inner[round(0.4 * inner.shape[0]), round(0.25 * inner.shape[1])]
    plain = inner[round(0.4 * inner.shape[0]), round(0.5 * inner.shape[1])]
    assert (tinted, plain) == (with_lungs, False)


def test_true_boxes_lie_where_they_are_in_both_panels(image):
    away = Box(-500, -500, -400, -400)
    picture = side_by_side(image, away, np.zeros((4, 4), np.float32), 0.5, [], [(30, 15, 60, 45), (80, 50, 200, 300)])
    scale = PANEL_PX / 90
    for panel in panels(picture, image):
        green = (panel == TRUE_COLOUR).all(axis=2)
        rows, columns = np.nonzero(green[: round(46 * scale), : round(61 * scale)])
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert found == tuple(round(side * scale) for side in (30, 15, 60, 45))
        assert green[round(50 * scale), round(85 * scale)]  # what lies in the image of a box that reaches beyond it


def test_no_title_of_the_whole_way_is_cut_off(image):
    """The last panel ends where the picture ends: a title too long would touch its rim."""
    title = "Enlarged Cardiomediastinum and more 0.87, label: uncertain"
    heat, crop = np.zeros((48, 48), np.float32), image[:48, :48]
    picture = steps_picture(image, None, Box(0, 0, 90, 60), crop, heat, 0.5, title)
    background = picture[0, 0]
    assert (picture[:-STEP_PX, -4:] == background).all()
    lines = (picture[:-STEP_PX, -STEP_PX:] != background).any(axis=(1, 2))
    assert np.count_nonzero(np.diff(lines.astype(int)) == 1) == 2  # of two lines none is lost
