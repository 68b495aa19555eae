"""Frames and overlaps against pixels: whatever is drawn and cut must come back where it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.images.geometry import Box, cut_box, place_box
from cxr.images.lies import LYING, UPRIGHT
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.overlap import distances, iobb, iou, pixels_of
from cxr.visualization.map_boxes import BoxRule, find_boxes

WHOLE = st.integers(0, 12)


@st.composite
def whole_boxes(draw, most=3):
    """Up to `most` boxes with whole corners in a square of 12."""
    boxes = []
    for _ in range(draw(st.integers(1, most))):
        (x0, x1), (y0, y1) = (sorted(draw(st.lists(WHOLE, min_size=2, max_size=2, unique=True))) for _ in range(2))
        boxes.append((x0, y0, x1, y1))
    return np.array(boxes, float)


def drawn(box, size=12):
    inside = np.zeros((size, size), bool)
    x0, y0, x1, y1 = box.astype(int)
    inside[y0:y1, x0:x1] = True
    return inside


@settings(deadline=None)
@given(whole_boxes(), whole_boxes())
def test_iou_and_iobb_count_pixels(found, true):
    for i, one in enumerate(found):
        for j, two in enumerate(true):
            a, b = drawn(one), drawn(two)
            assert iou(found, true)[i, j] == pytest.approx((a & b).sum() / (a | b).sum())
            assert iobb(found, true)[i, j] == pytest.approx((a & b).sum() / a.sum())


@settings(deadline=None)
@given(whole_boxes())
def test_pixels_of_boxes_are_their_union(boxes):
    np.testing.assert_array_equal(pixels_of(boxes / 12, 12), np.any([drawn(box) for box in boxes], axis=0))


def test_a_box_too_small_for_a_middle_has_its_pixel_and_one_outside_has_none():
    assert np.argwhere(pixels_of(np.array([[0.31, 0.51, 0.33, 0.53]]), 10)).tolist() == [[5, 3]]
    assert not pixels_of(np.array([[-0.5, 0.2, -0.1, 0.4], [0.2, 1.0, 0.4, 1.3]]), 10).any()
    assert pixels_of(np.array([[-0.5, -0.5, 1.5, 1.5]]), 10).all()


@settings(deadline=None)
@given(whole_boxes(), st.floats(-3, 15), st.floats(-3, 15))
def test_distances_are_those_of_the_nearest_point(boxes, x, y):
    for box, found in zip(boxes, distances(np.array([[x, y]]), boxes)[0], strict=True):
        nearest = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
        assert found == pytest.approx(np.hypot(x - nearest[0], y - nearest[1]))


@st.composite
def frames(draw):
    x0, y0, side = draw(st.integers(-20, 20)), draw(st.integers(-20, 20)), draw(st.integers(16, 80))
    return Frame(Box(x0, y0, x0 + side, y0 + side), draw(st.sampled_from([UPRIGHT, *LYING])), 60, 52)


@settings(deadline=None)
@given(frames(), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4))
def test_points_go_to_the_image_and_back(frame, points):
    points = np.array(points)
    assert frame.points_to_crop(frame.points_to_image(points)) == pytest.approx(points, abs=1e-9)


@settings(deadline=None)
@given(frames(), whole_boxes())
def test_boxes_inside_the_image_go_there_and_back_and_none_reaches_beyond_it(frame, boxes):
    there = frame.boxes_to_image(boxes / 12)
    assert there.min() >= 0
    assert (there <= [frame.width_px, frame.height_px] * 2).all()
    corners = frame.points_to_image(np.concatenate([boxes[:, :2], boxes[:, 2:]]) / 12)
    if corners.min() >= 0 and (corners <= [frame.width_px, frame.height_px]).all():
        assert frame.boxes_to_crop(there) == pytest.approx(boxes / 12, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(-10, 10), st.integers(-10, 10), st.sampled_from([UPRIGHT, *LYING]), st.integers(2, 9),
       st.integers(2, 9))  # fmt: skip
def test_a_hot_square_has_its_box_where_the_picture_shows_it(dx, dy, lie, left, top):
    """Oracle: the map turned as the image lies and laid over the original by `place_box`, then measured in pixels."""
    frame = Frame(Box(10 + dx, 8 + dy, 74 + dx, 72 + dy), lie, 80, 84)
    heat = np.zeros((16, 16), np.float32)
    heat[top : top + 4, left : left + 5] = 1
    (box,) = frame.boxes_to_image(find_boxes(heat, BoxRule(0.5, 0.0, 0.0))[:, :4])
    shown = np.argwhere(place_box(frame.lie.turn(heat), frame.box, 80, 84) > 0.5)
    low, high = shown.min(axis=0)[::-1], shown.max(axis=0)[::-1] + 1
    assert box == pytest.approx(np.concatenate([low, high]), abs=1.01)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([UPRIGHT, *LYING]), st.integers(20, 50), st.integers(20, 50))
def test_a_bright_square_of_the_image_is_found_where_its_box_says(lie, x, y):
    """The whole way: image -> crop, set upright -> pixels of the true box in the crop."""
    frame = Frame(Box(-4, 6, 92, 102), lie, 90, 96)
    image = np.zeros((90, 96), np.uint8)
    image[y : y + 12, x : x + 20] = 255
    crop = np.rot90(cut_box(image, frame.box, 96), -lie.quarters)
    inside = pixels_of(frame.boxes_to_crop(np.array([[x, y, x + 20, y + 12]], float)), 96)
    np.testing.assert_array_equal(crop > 127, inside)
