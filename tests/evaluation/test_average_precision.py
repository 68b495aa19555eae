import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from cxr.evaluation.average_precision import average_precision

LABELLED_SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 8).map(lambda step: step / 8)),
    min_size=2,
    max_size=60,
)


@given(LABELLED_SCORES, st.randoms(use_true_random=False))
def test_equals_scikit_learn_with_ties_and_unknown_labels_in_any_order(pairs, random):
    table = np.array(pairs)
    known = ~np.isnan(table[:, 0])
    value = average_precision(table[:, :1], table[:, 1:])[0]
    shuffled = np.array(random.sample(pairs, len(pairs)))
    np.testing.assert_allclose(average_precision(shuffled[:, :1], np.exp(shuffled[:, 1:])), [value], atol=1e-12)
    if 1 in table[known, 0]:
        assert value == pytest.approx(average_precision_score(table[known, 0], table[known, 1]), abs=1e-9)
    else:
        assert np.isnan(value)


def test_knowing_nothing_reaches_the_prevalence():
    labels = np.array([[1.0], [0.0], [0.0], [0.0]])
    np.testing.assert_allclose(average_precision(labels, np.full((4, 1), 0.3)), [0.25])
