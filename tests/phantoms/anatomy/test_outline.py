"""Outlines of random chests: consistent for every patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.phantoms.anatomy.geometry import lay_out
from cxr.phantoms.anatomy.outline import angle_y, floor_y, heart_x, inner_x, lung_point, thorax_width, wall_x
from cxr.phantoms.anatomy.patient import SIDES, draw_anatomy
from cxr.phantoms.canvas import Pose, to_pixels

UPRIGHT = Pose(scale=0.95, rotation_rad=0.0, shift_x=0.0, shift_y=0.0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), sex=st.sampled_from("FM"), age=st.integers(18, 90))
def test_every_lung_lies_between_mediastinum_and_wall(seed, sex, age):
    anatomy = draw_anatomy(np.random.default_rng(seed), sex, age)
    for side in SIDES:
        domes = anatomy.dome_y[side > 0]
        heights = np.linspace(anatomy.apex_y + 0.02, domes, 60)
        wall, inner = wall_x(anatomy, side, heights), inner_x(anatomy, side, heights)
        assert (wall > inner).all() and (inner > 0).all()
        assert (inner >= heart_x(anatomy, side, heights) - 1e-9).all()
        assert (wall_x(anatomy, side, np.array([anatomy.apex_y - 0.01])) < 0).all()
        floor = floor_y(anatomy, side, np.linspace(0, 1, 50))
        assert floor.min() >= domes - 1e-9
        assert floor[-1] == pytest.approx(angle_y(anatomy, side))
    assert 0.5 < thorax_width(anatomy) < 0.85  # of the nominal frame


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), across=st.floats(0.1, 0.9), down=st.floats(0.15, 0.9))
def test_a_place_in_a_lung_is_in_its_outline(seed, across, down):
    anatomy = draw_anatomy(np.random.default_rng(seed), "F", 50)
    geometry = lay_out(anatomy, UPRIGHT, 200)
    for number, side in enumerate(SIDES):
        point = np.array([lung_point(anatomy, side, across, down)])
        column, row = np.round(to_pixels(point, UPRIGHT, 200)[0]).astype(int)
        assert geometry.lungs[number][row, column] > 0.5
        assert geometry.depth[row, column] > 0
