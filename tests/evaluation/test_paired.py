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
    draws = np.array([[1.0, -1.0, 0.0, np.nan], [2.0, 1.0, 0.0, np.nan], [3.0, np.nan, 0.0, np.nan]])
    np.testing.assert_allclose(bootstrap_p(draws), [2 / 4, 1, 1, np.nan])


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0, -2.5])
def test_p_of_normal_draws_is_that_of_a_z_test(shift):
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000) + shift
    assert bootstrap_p(quantiles[:, None])[0] == pytest.approx(2 * norm.sf(abs(shift)), abs=2e-4)
