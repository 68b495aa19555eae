import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr.visualization.cuts import cut_heat

HEATS = arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32))


@given(heat=HEATS, threshold=st.floats(0, 1))
def test_blank_and_rescale_keep_the_same_places_and_their_order(heat, threshold):
    blank, rescaled = cut_heat(heat, threshold, "blank"), cut_heat(heat, threshold, "rescale")
    expected = [value if value >= np.float32(threshold) else 0 for value in heat.ravel()]
    np.testing.assert_array_equal(blank.ravel(), expected)
    if threshold < 1:
        expected = [max((float(value) - threshold) / (1 - threshold), 0) for value in heat.ravel()]
        tolerance = 1e-6 / (1 - threshold)
        np.testing.assert_allclose(rescaled.ravel(), expected, atol=max(tolerance, 1e-6))
    for cut in (blank, rescaled):
        assert cut.dtype == np.float32
        assert ((cut >= 0) & (cut <= 1)).all()


@pytest.mark.parametrize("below", ["blank", "rescale"])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_a_map_of_zeros_stays_one(threshold, below):
    assert not cut_heat(np.zeros((5, 5), np.float32), threshold, below).any()


@pytest.mark.parametrize("below", ["blank", "rescale"])
def test_no_threshold_changes_nothing_and_the_hottest_stays_1(below):
    heat = np.array([[0, 0.3], [0.7, 1]], np.float32)
    np.testing.assert_array_equal(cut_heat(heat, 0, below), heat)
    np.testing.assert_array_equal(cut_heat(heat, 1, below), [[0, 0], [0, 1]])
