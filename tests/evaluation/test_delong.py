"""DeLong's formula against published numbers and against its own definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from cxr.evaluation.auroc import auroc
from cxr.evaluation.delong import delong

OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1   3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0   3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1   3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0   2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
"""Albumin, total protein, Krebs-Goplerud score and outcome of DeLong's own patients, without six that lack a test."""


def from_ratings(negatives, positives):
    """Labels and scores of a table of ratings: images of each kind at each rating, lowest first."""
    counts = np.array([negatives, positives])
    ratings = np.arange(counts.shape[1])
    scores = np.concatenate([np.repeat(ratings, counts[0]), np.repeat(ratings, counts[1])]).astype(float)
    return np.repeat([0.0, 1.0], counts.sum(axis=1)), scores[:, None]


def test_hanley_and_mcneils_tomograms_as_statas_manual_has_them():
    """109 ratings (Radiology 1982, 143:29-36, table II); [R] roctab gives 0.8932, 0.0307, 0.83295 to 0.95339."""
    found = delong(*from_ratings([33, 6, 6, 11, 2], [3, 2, 2, 11, 33]))
    assert found.areas[0] == pytest.approx(0.8932, abs=5e-5)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(0.0307, abs=5e-5)
    np.testing.assert_allclose(found.intervals()[0], [0.83295, 0.95339], atol=5e-6)


def test_subarachnoid_haemorrhages_as_procs_tests_have_them():
    """WFNS grade and outcome of 113 patients (Turck 2010), as counts; pROC's own test wants this variance of it."""
    found = delong(*from_ratings([37, 20, 3, 8, 4], [2, 12, 1, 8, 18]))
    assert found.areas[0] == pytest.approx(0.8237, abs=5e-5)
    assert found.covariance[0, 0] == pytest.approx(0.00146991470882363, abs=1e-15)


def test_delongs_ovarian_cancers_as_sas_has_them():
    """Three correlated tests (SAS/STAT User's Guide, LOGISTIC, example "Comparing Receiver Operating Characteristic
    Curves"): areas, standard errors and intervals of its table, and the contrast of all three, 2 degrees of freedom."""
    rows = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    found = delong(rows[:, 3], rows[:, :3] * [1, 1, -1])
    np.testing.assert_allclose(found.areas, [0.7366, 0.6478, 0.7258], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), [0.0927, 0.1000, 0.1028], atol=5e-5)
    wanted = [[0.5549, 0.9182], [0.4518, 0.8439], [0.5243, 0.9273]]
    np.testing.assert_allclose(found.intervals(), wanted, atol=5e-5)
    apart = np.array([[1, 0, -1], [0, 1, -1]])
    difference = apart @ found.areas
    statistic = difference @ np.linalg.solve(apart @ found.covariance @ apart.T, difference)
    assert (statistic, chi2.sf(statistic, 2)) == (pytest.approx(2.5340, abs=5e-5), pytest.approx(0.2817, abs=5e-5))
    value, error, _ = found.difference(0, 2)
    assert (value, error) == (pytest.approx(0.0108, abs=5e-5), pytest.approx(0.0953, abs=5e-5))


def by_definition(labels, scores):
    """Areas and covariance from every pair of images (DeLong 1988, equations 1 to 5)."""
    x, y = scores[labels == 1], scores[labels == 0]
    won = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    by_positive, by_negative = won.mean(axis=1), won.mean(axis=0)
    covariance = np.cov(by_positive.T) / len(x) + np.cov(by_negative.T) / len(y)
    return won.mean(axis=(0, 1)), np.atleast_2d(covariance)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 12), st.integers(1, 4))
def test_equals_the_definition_with_ties_and_several_scores(seed, positives, negatives, models):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.r_[np.ones(positives), np.zeros(negatives), [np.nan] * 3])
    scores = random.integers(0, 6, size=(len(labels), models)).astype(float)
    found = delong(labels, scores)
    areas, covariance = by_definition(labels, scores)
    np.testing.assert_allclose(found.areas, areas, atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)
    np.testing.assert_allclose(found.areas, auroc(np.tile(labels[:, None], models), scores), atol=1e-12)


def test_a_difference_is_paired():
    random = np.random.default_rng(1)
    labels = np.repeat([0.0, 1.0], 60)
    good = random.normal(size=120) + labels
    scores = np.stack([good, good + random.normal(size=120)], axis=1)
    value, error, p = delong(labels, scores).difference(0, 1)
    areas, covariance = by_definition(labels, scores)
    assert value == pytest.approx(areas[0] - areas[1])
    assert error == pytest.approx(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    assert error < np.sqrt(covariance[0, 0] + covariance[1, 1])
    assert p == pytest.approx(2 * norm.cdf(-abs(value) / error))
    assert np.isnan(delong(labels, scores).difference(0, 0)[2])


def test_one_positive_has_an_area_but_no_variance():
    found = delong(np.array([1.0, 0, 0]), np.array([[0.5], [0.2], [0.7]]))
    assert found.areas == [0.5]
    assert np.isnan(found.covariance).all()
    assert np.isnan(delong(np.zeros(3), np.zeros((3, 1))).areas).all()
