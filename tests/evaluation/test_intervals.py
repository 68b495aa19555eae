import numpy as np
import pytest

from cxr.evaluation.intervals import mean_draws, percentile_interval, resampled_weights


def test_weights_are_whole_resamples_of_the_patients():
    weights = np.concatenate(list(resampled_weights(patients=50, resamples=4000, seed=0, block=999)), axis=1)
    assert weights.shape == (50, 4000)
    np.testing.assert_array_equal(weights.sum(axis=0), 50)
    assert weights.mean(axis=1) == pytest.approx(np.ones(50), abs=0.1)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.03)  # of a multinomial's count


def test_percentiles_leave_out_and_count_missing_draws():
    draws = np.r_[np.arange(101) / 100, np.nan, np.nan]
    interval = percentile_interval(draws)
    assert (interval.low, interval.high, interval.left_out) == (pytest.approx(0.025), pytest.approx(0.975), 2)
    nothing = percentile_interval(np.array([np.nan]))
    assert (nothing.low, nothing.high, nothing.left_out) == (None, None, 1)


def test_mean_draws_are_over_the_findings_there_are():
    draws = np.array([[0.5, 0.7], [np.nan, 0.9], [np.nan, np.nan]])
    np.testing.assert_allclose(mean_draws(draws), [0.6, 0.9, np.nan])
