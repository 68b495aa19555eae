"""Cutting, placing back, warping and blurring, against numpy's slices, flips and rotations, and scipy."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cxr.images.geometry import (
    Box,
    affine_matrix,
    before_affine,
    box_matrix,
    chain,
    cut_box,
    draw_map,
    enlarge_map,
    look_up,
    place_box,
    resize,
    soften,
    warp,
)

HEIGHT, WIDTH = 30, 44


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(1, 256, (HEIGHT, WIDTH), dtype=np.uint8)


@st.composite
def overlapping_boxes(draw, height=HEIGHT, width=WIDTH, smallest=1, largest=90):
    """Square boxes that share at least one pixel with the image."""
    side = draw(st.integers(smallest, largest))
    x0, y0 = draw(st.integers(1 - side, width - 1)), draw(st.integers(1 - side, height - 1))
    return Box(x0, y0, x0 + side, y0 + side)


def padded_slice(image, box):
    """The box cut out of an image that zeros surround on all sides."""
    around = 100
    padded = np.pad(image, around)
    return padded[box.y0 + around : box.y1 + around, box.x0 + around : box.x1 + around]


def test_a_box_inside_is_the_slice(image):
    found = cut_box(image, Box(5, 3, 25, 23), 20)
    np.testing.assert_array_equal(found, image[3:23, 5:25])


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(-4, 2, 16, 22), np.s_[:, 4:]),
        (Box(30, 2, 50, 22), np.s_[:, :14]),
        (Box(3, -5, 23, 15), np.s_[5:, :]),
        (Box(3, 18, 23, 38), np.s_[:12, :]),
        (Box(-10, -10, 60, 60), np.s_[10:40, 10:54]),
    ],
    ids=["left", "right", "top", "bottom", "all sides"],
)
def test_beyond_the_image_it_is_black(image, box, inside):
    found = cut_box(image, box, box.x1 - box.x0)
    np.testing.assert_array_equal(found, padded_slice(image, box))
    assert (found[inside] > 0).all()
    assert np.count_nonzero(found) == found[inside].size


@settings(max_examples=200, deadline=None, derandomize=True)
@given(overlapping_boxes())
def test_any_box_is_the_slice_of_the_padded_image(image, box):
    found = cut_box(image, box, box.x1 - box.x0)
    np.testing.assert_array_equal(found, padded_slice(image, box))


def test_shrinking_averages_whole_blocks(image):
    found = cut_box(image, Box(0, 0, 24, 24), 8)
    blocks = image[:24, :24].reshape(8, 3, 8, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, blocks, atol=0.51)


def test_resize_shrinks_by_area_and_enlarges_between_pixels():
    step = np.zeros((4, 4), np.float32)
    step[:, 2:] = 8
    np.testing.assert_allclose(resize(step, 2, 2), [[0, 8], [0, 8]])
    np.testing.assert_allclose(resize(step, 4, 8)[0], [0, 0, 0, 2, 6, 8, 8, 8])
    assert resize(step, 4, 4) is step
    assert resize(np.zeros((6, 8, 3), np.uint8), 3, 4).shape == (3, 4, 3)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(overlapping_boxes(height=200, width=240, smallest=64, largest=320), st.sampled_from([32, 48, 64]), st.data())
def test_a_bright_square_comes_back_onto_its_own_pixels(box, crop_px, data):
    height, width = 200, 240
    pixel = (box.x1 - box.x0) / crop_px  # of the crop, in pixels of the image
    side = int(np.ceil(6 * pixel))
    left, top = max(box.x0, 0), max(box.y0, 0)
    right, bottom = min(box.x1, width) - side, min(box.y1, height) - side
    assume(left <= right and top <= bottom)  # else the overlap is too narrow for a square that the crop can show
    x, y = data.draw(st.integers(left, right)), data.draw(st.integers(top, bottom))
    image = np.zeros((height, width), np.uint8)
    image[y : y + side, x : x + side] = 200
    placed = place_box(cut_box(image, box, crop_px).astype(np.float32), box, height, width)
    assert placed.shape == image.shape
    assert placed.dtype == np.float32
    bright = placed > 100
    both = (bright & (image > 0)).sum()
    assert both / (bright | (image > 0)).sum() > 0.7
    rows, columns = np.nonzero(bright)
    assert abs(rows.mean() - (y + (side - 1) / 2)) < pixel / 2 + 0.5
    assert abs(columns.mean() - (x + (side - 1) / 2)) < pixel / 2 + 0.5


@settings(max_examples=100, deadline=None, derandomize=True)
@given(overlapping_boxes())
def test_at_full_size_cutting_and_placing_back_changes_nothing_inside(image, box):
    placed = place_box(cut_box(image, box, box.x1 - box.x0), box, HEIGHT, WIDTH)
    inside = np.zeros(image.shape, bool)
    inside[max(box.y0, 0) : max(box.y1, 0), max(box.x0, 0) : max(box.x1, 0)] = True
    np.testing.assert_array_equal(placed, np.where(inside, image, 0))


def test_a_placed_map_is_hottest_in_the_middle_of_its_hottest_cell():
    coarse = np.zeros((5, 5), np.float32)
    coarse[1, 3] = 1
    placed = place_box(coarse, Box(10, 20, 60, 70), 100, 120)
    row, column = np.unravel_index(placed.argmax(), placed.shape)
    assert abs(row + 0.5 - (20 + 15)) <= 1
    assert abs(column + 0.5 - (10 + 35)) <= 1
    assert placed.min() == 0
    assert not placed[:20].any()
    assert not placed[:, :10].any()
    assert not placed[70:].any()
    assert not placed[:, 60:].any()


@pytest.fixture(scope="module", params=[20, 21])
def square(request):
    return np.random.default_rng(1).integers(1, 256, (request.param, request.param), dtype=np.uint8)


def test_no_change_is_the_identity(square):
    matrix = affine_matrix(len(square), 0, 1, 0, 0, flip=False)
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_array_equal(warp(square, matrix), square)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, 4), (-2, 5), (-6, -1)])
def test_a_shift_by_whole_pixels_moves_right_and_down(square, right, down):
    size = len(square)
    expected = np.pad(square, 10)[10 - down : 10 - down + size, 10 - right : 10 - right + size]
    moved = warp(square, affine_matrix(size, 0, 1, right, down, flip=False))
    np.testing.assert_array_equal(moved, expected)


def test_a_flip_swaps_left_and_right(square):
    np.testing.assert_array_equal(warp(square, affine_matrix(len(square), 0, 1, 0, 0, flip=True)), square[:, ::-1])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_those_of_numpy(square, turns):
    turned = warp(square, affine_matrix(len(square), 90 * turns, 1, 0, 0, flip=False))
    np.testing.assert_array_equal(turned, np.rot90(square, turns))


def test_the_flip_comes_after_turn_and_shift(square):
    size = len(square)
    both = warp(square, affine_matrix(size, 90, 1, 2, 0, flip=True))
    expected = np.pad(np.rot90(square), ((0, 0), (2, 0)))[:, :size][:, ::-1]
    np.testing.assert_array_equal(both, expected)


@pytest.mark.parametrize(("stretch", "width"), [(2, 20), (0.5, 5)])
def test_a_stretch_widens_about_the_centre(stretch, width):
    image = np.zeros((40, 40), np.uint8)
    image[15:25, 15:25] = 200
    stretched = warp(image, affine_matrix(40, 0, 1, 0, 0, flip=False, stretch=stretch)) >= 100
    rows, columns = np.nonzero(stretched)
    assert (rows.min(), rows.max() + 1) == (15, 25)
    assert np.ptp(columns) + 1 == pytest.approx(width, abs=1)
    assert columns.mean() == pytest.approx(19.5, abs=0.5)


def test_scale_grows_about_the_centre():
    image = np.zeros((40, 40), np.uint8)
    image[15:25, 15:25] = 200
    rows, columns = np.nonzero(warp(image, affine_matrix(40, 0, 2, 0, 0, flip=False)) > 100)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (10, 30, 10, 30)


def test_a_shear_slants_about_the_centre():
    image = np.zeros((41, 41), np.uint8)
    image[:, 20] = 200
    columns = warp(image, affine_matrix(41, 0, 1, 0, 0, flip=False, shear_degrees=45)).argmax(axis=1)
    np.testing.assert_array_equal(columns, np.arange(41))


def test_a_box_is_enlarged_to_the_whole(square):
    size = len(square)
    enlarged = warp(square.astype(np.float32), box_matrix(size, 3, 5, size / 2, size / 4))
    y, x = np.meshgrid((np.arange(size) + 0.5) / 4 - 0.5 + 5, (np.arange(size) + 0.5) / 2 - 0.5 + 3, indexing="ij")
    np.testing.assert_allclose(enlarged, ndimage.map_coordinates(np.float64(square), [y, x], order=1), atol=1e-3)
    np.testing.assert_allclose(box_matrix(size, 0, 0, size, size), [[1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_two_moves_become_one():
    first = affine_matrix(30, 25, 1.2, 3, -2, flip=False, shear_degrees=8)
    then = affine_matrix(30, -70, 0.7, 0, 5, flip=True, stretch=1.3)
    point = np.array([4.0, 9.0])
    halfway = first[:, :2] @ point + first[:, 2]
    both = chain(first, then)
    np.testing.assert_allclose(both[:, :2] @ point + both[:, 2], then[:, :2] @ halfway + then[:, 2])


def test_looking_up_takes_each_pixel_from_its_place(image):
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(image.astype(np.float32), 2)
    places = np.stack([rng.uniform(0, WIDTH - 1, (50, 50)), rng.uniform(0, HEIGHT - 1, (50, 50))]).astype(np.float32)
    expected = ndimage.map_coordinates(smooth, places[::-1], order=1)
    np.testing.assert_allclose(look_up(smooth, places), expected, atol=1)  # OpenCV knows 32nds of a pixel
    beyond = np.full((2, 4, 4), -2, np.float32)
    assert not look_up(image, beyond).any()
    assert look_up(image, places).dtype == np.uint8


def test_looking_up_before_a_move_is_the_move(square):
    size = len(square)
    matrix = affine_matrix(size, 20, 1.1, 1, 2, flip=True, shear_degrees=5)
    identity = np.stack(np.meshgrid(np.arange(size), np.arange(size))).astype(np.float32)
    smooth = ndimage.gaussian_filter(square.astype(np.float32), 2)
    places = before_affine(identity, matrix)
    assert places.dtype == np.float32
    np.testing.assert_allclose(look_up(smooth, places), warp(smooth, matrix), atol=2)
    corner = matrix[:, :2] @ places[:, 0, 0] + matrix[:, 2]
    np.testing.assert_allclose(corner, [0, 0], atol=1e-4)


def test_softening_is_a_gaussian_blur(image):
    smooth = soften(image.astype(np.float32), 1.7)
    expected = ndimage.gaussian_filter(image.astype(np.float64), 1.7, mode="mirror", truncate=4.2)
    np.testing.assert_allclose(smooth, expected, atol=0.05)
    assert soften(image, 0) is image


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    first=st.floats(-0.2, 0.4),
    step=st.floats(0.05, 0.5),
    size=st.integers(4, 70),
)
def test_a_map_is_drawn_as_cv2_moves_it(shape, first, step, size):
    map_ = np.random.default_rng(0).random(shape, np.float32)
    per_pixel, start = 1 / (step * size), (0.5 / size - first) / step
    matrix = np.array([[per_pixel, 0, start], [0, per_pixel, start]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(map_, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    rounding = 1.5 / 32  # cv2 rounds places to a 32nd; the cubic's slope is at most 1.5 per place
    np.testing.assert_allclose(
        draw_map(map_, first, step, size), np.clip(expected, map_.min(), map_.max()), atol=2 * rounding
    )


@given(count=st.integers(1, 20), size=st.integers(20, 70))
def test_a_map_that_fills_the_image_is_drawn_as_cv2_enlarges_it(count, size):
    map_ = np.random.default_rng(1).random((count, count), np.float32)
    np.testing.assert_allclose(
        draw_map(map_, 0.5 / count, 1 / count, size), enlarge_map(map_, size, size), atol=1e-5
    )  # fmt: skip
