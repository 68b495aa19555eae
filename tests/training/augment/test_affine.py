"""Shear and random crops, against where the corners of the image go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.training.augment.affine import draw_crop, draw_matrix, draw_sides

SIZE = 100
CORNERS = np.array([[-0.5, -0.5], [SIZE - 0.5, -0.5], [-0.5, SIZE - 0.5], [SIZE - 0.5, SIZE - 0.5]])


def moved(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def crop_of(matrix):
    """x0, y0, x1, y1 in pixels of the source that a crop's matrix spreads over the whole."""
    scale = np.diag(matrix[:, :2])
    assert matrix[0, 1] == matrix[1, 0] == 0
    return np.concatenate([(-0.5 - matrix[:, 2]) / scale, (SIZE - 0.5 - matrix[:, 2]) / scale]) + 0.5


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(0.02, 0.99), st.floats(1, 4), st.integers(0, 2**32))
def test_a_crop_is_a_part_of_the_image_as_large_and_as_narrow_as_asked(only, scale, ratio, seed):
    matrix = draw_crop(SIZE, only(crop_scale=scale, crop_ratio=ratio), np.random.default_rng(seed))
    x0, y0, x1, y1 = crop_of(matrix)
    assert min(x0, y0) >= -1e-6
    assert max(x1, y1) <= SIZE + 1e-6
    assert scale - 1e-9 <= (x1 - x0) * (y1 - y0) / SIZE**2 <= 1 + 1e-9
    assert 1 / ratio - 1e-9 <= (x1 - x0) / (y1 - y0) <= ratio + 1e-9


def test_crops_use_the_whole_range_of_areas_shapes_and_places(only):
    rng = np.random.default_rng(3)
    crops = np.array([crop_of(draw_crop(SIZE, only(crop_scale=0.2, crop_ratio=1.5), rng)) for _ in range(2000)])
    width, height = (crops[:, 2:] - crops[:, :2]).T
    areas = width * height / SIZE**2
    assert np.quantile(areas, [0.1, 0.5, 0.9]) == pytest.approx([0.28, 0.6, 0.92], abs=0.03)
    assert np.quantile(width / height, [0.02, 0.98]) == pytest.approx([1 / 1.45, 1.45], abs=0.06)
    room = np.stack([crops[:, 0] / (SIZE - width), crops[:, 1] / (SIZE - height)])
    assert np.quantile(room, [0.1, 0.9], axis=1) == pytest.approx(np.array([[0.1, 0.1], [0.9, 0.9]]), abs=0.04)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(0.001, 1), st.floats(0, 1), st.floats(1, 10), st.integers(0, 2**32))
def test_any_rectangle_fits(least, more, ratio, seed):
    most = least + more * (1 - least)
    width, height = draw_sides(SIZE, least, most, ratio, np.random.default_rng(seed))
    assert max(width, height) <= SIZE * (1 + 1e-9)
    assert least - 1e-9 <= width * height / SIZE**2 <= most + 1e-9
    assert max(width / height, height / width) <= ratio * (1 + 1e-9)


def test_shear_slants_upright_lines_to_both_sides_and_leaves_level_ones(only):
    rng, angles = np.random.default_rng(1), []
    for _ in range(200):
        corners = moved(draw_matrix(SIZE, only(shear_degrees=10.0), np.zeros(4), rng), CORNERS)
        np.testing.assert_allclose(corners[:, 1], CORNERS[:, 1], atol=1e-9)
        np.testing.assert_allclose(corners[1] - corners[0], [SIZE, 0], atol=1e-9)
        np.testing.assert_allclose(corners.mean(axis=0), CORNERS.mean(axis=0), atol=1e-9)
        angles.append(np.degrees(np.arctan2(*(corners[2] - corners[0]))))
    assert np.abs(angles).max() <= 10
    assert min(angles) < -8 < 8 < max(angles)


def test_the_crop_is_taken_before_the_image_is_moved(only):
    changes = {"rotate_degrees": 30.0, "shift_fraction": 0.1, "flip_probability": 1.0}
    draw = np.array([0.5, 0.0, 1.0, -1.0])
    both = draw_matrix(SIZE, only(crop_scale=0.3, **changes), draw, np.random.default_rng(4))
    move = draw_matrix(SIZE, only(**changes), draw, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    rng.random()  # of the flip
    crop = draw_crop(SIZE, only(crop_scale=0.3), rng)
    np.testing.assert_allclose(moved(both, CORNERS), moved(move, moved(crop, CORNERS)), atol=1e-9)
