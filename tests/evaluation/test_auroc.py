import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cxr.evaluation.auroc import auroc, unscored

LABELLED_SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 8).map(lambda step: step / 8)),
    min_size=2,
    max_size=60,
)


def columns(pairs):
    """Pairs (label, score) as two (N, 1) arrays."""
    table = np.array(pairs, dtype=np.float64)
    return table[:, :1], table[:, 1:]


@given(LABELLED_SCORES)
def test_equals_scikit_learn_with_ties_and_unknown_labels(pairs):
    labels, scores = columns(pairs)
    known = ~np.isnan(labels[:, 0])
    value = auroc(labels, scores)[0]
    if len(np.unique(labels[known, 0])) < 2:
        assert np.isnan(value)
    else:
        assert value == pytest.approx(roc_auc_score(labels[known, 0], scores[known, 0]), abs=1e-9)


@given(LABELLED_SCORES)
def test_turning_labels_or_scores_round_turns_the_area_round(pairs):
    labels, scores = columns(pairs)
    value = auroc(labels, scores)
    np.testing.assert_allclose(auroc(1 - labels, scores), 1 - value, atol=1e-12)
    np.testing.assert_allclose(auroc(labels, -scores), 1 - value, atol=1e-12)


@given(LABELLED_SCORES, st.randoms(use_true_random=False))
def test_only_the_order_of_the_scores_matters(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    labels, scores = columns(pairs)
    np.testing.assert_array_equal(auroc(*columns(shuffled)), auroc(labels, scores))
    np.testing.assert_array_equal(auroc(labels, np.exp(5 * scores)), auroc(labels, scores))


def test_findings_are_measured_each_by_itself():
    labels = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0]], dtype=float)
    scores = np.array([[0.1, 0.1, 0.1], [0.9, 0.9, 0.5], [0.8, 0.8, 0.7]])
    np.testing.assert_array_equal(auroc(labels, scores), [1, 0, np.nan])


def test_no_images_is_no_area():
    np.testing.assert_array_equal(auroc(np.empty((0, 2)), np.empty((0, 2))), [np.nan, np.nan])


def test_large_samples_equal_scikit_learn():
    random = np.random.default_rng(3)
    labels = (random.random((20_000, 2)) < [0.02, 0.5]).astype(float)
    scores = np.round(random.random((20_000, 2)) + 0.2 * labels, 3)
    expected = [roc_auc_score(labels[:, k], scores[:, k]) for k in range(2)]
    np.testing.assert_allclose(auroc(labels, scores), expected, atol=1e-9)


def test_findings_without_an_area_are_those_that_auroc_has_none_for():
    labels = np.array([[1, 0, 1, np.nan, -1], [0, 0, 1, np.nan, 1], [np.nan, 0, np.nan, np.nan, -1]], np.float64)
    assert unscored("abcde", labels) == ["b", "c", "d", "e"]  # -1, uncertain, is neither
    known = np.where(labels == -1, np.nan, labels)
    missing = np.isnan(auroc(known, np.zeros(labels.shape)))
    assert [name for name, none in zip("abcde", missing, strict=True) if none] == ["b", "c", "d", "e"]
