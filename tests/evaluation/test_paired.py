import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from cxr.evaluation.paired import bootstrap_p, holm


def plain_holm(p):
    """Holm's procedure as the paper has it: reject in order while p_(i) <= alpha / (n - i)."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, largest = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        largest = max(largest, (len(p) - place) * p[i])
        adjusted[i] = min(1.0, largest)
    return adjusted


def test_holm_of_a_worked_example():
    # p 0.01, 0.04, 0.03, 0.005: as R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_the_plain_procedure_and_never_below_benjamini_hochberg(p):
    found = holm(np.array(p))
    np.testing.assert_allclose(found, plain_holm(p))
    assert (found >= false_discovery_control(p) - 1e-12).all()


def test_holm_does_not_count_what_is_missing():
    found = holm(np.array([[0.01, np.nan], [np.nan, 0.02]]))
    np.testing.assert_allclose(found, [[0.02, np.nan], [np.nan, 0.02]])


def test_p_of_draws():
    signs = np.where(np.arange(200) < 19, -1.0, 1.0)  # 19 of 200 on the smaller side
    draws = np.stack([signs, -signs, np.zeros(200), np.full(200, np.nan), np.where(signs > 0, np.nan, signs)], axis=1)
    draws[::2, 4], draws[:19, 4] = np.nan, [-1.0, 1.0] * 9 + [np.nan]  # nine on either side
    np.testing.assert_allclose(bootstrap_p(draws), [40 / 201, 40 / 201, 1, np.nan, 1])


@pytest.mark.parametrize("shift", [4.0, -6.0])
def test_beyond_what_draws_can_count_p_is_the_normal_tail(shift):
    quantiles = norm.ppf((np.arange(2000) + 0.5) / 2000) + shift
    assert bootstrap_p(quantiles[:, None])[0] == pytest.approx(2 * norm.sf(abs(shift)), rel=0.1)
    assert bootstrap_p(quantiles[:, None])[0] < 2 / 2001


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0, -2.5])
def test_p_of_normal_draws_is_that_of_a_z_test(shift):
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000) + shift
    assert bootstrap_p(quantiles[:, None])[0] == pytest.approx(2 * norm.sf(abs(shift)), abs=2e-4)
