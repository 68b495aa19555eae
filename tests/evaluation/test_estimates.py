import numpy as np
import pytest

from cxr.evaluation.estimates import Estimate


def test_an_interval_of_no_width_is_refused_also_behind_a_missing_draw_and_beside_rounding():
    first_missing, rounded = [np.nan, 0.7, 0.7, 0.7], [0.1 + 0.2, 0.3, 0.3, 0.3]
    draws = np.array([first_missing, rounded, [0.7, 0.7, 0.71, 0.7], [np.nan] * 4]).T
    values, reasons = np.array([0.7, 0.3, 0.7, 0.7]), (None, None, None, "one patient only")
    found = Estimate(values, draws, reasons).without_constants("test")
    constant = "the same in every resample of test: no interval"
    assert found.reasons == (constant, constant, None, "one patient only")
    assert found.entry(0, 0.95)["low"] is None
    assert found.entry(2, 0.95)["high"] == pytest.approx(0.71, abs=0.01)
