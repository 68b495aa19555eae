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

HAEMORRHAGES = """
0 1 0.13 3.01  0 1 0.14 8.54  0 1 0.1 8.09  0 1 0.04 10.42  1 3 0.13 17.4  1 2 0.1 12.75  0 5 0.47 6  1 4 0.16 13.2
0 1 0.18 15.54  0 2 0.1 6.01  1 5 0.12 15.96  0 2 0.1 17.86  1 5 0.44 5.18  1 5 0.71 8.9  0 1 0.04 13.41
0 2 0.08 20.75  1 5 0.49 11.6  0 2 0.04 16.11  1 2 0.07 32.37  1 5 0.33 54.82  1 2 0.09 32.41  0 1 0.09 49.94
1 1 0.07 40.34  0 1 0.11 9.47  0 1 0.07 6.29  0 2 0.17 12.53  0 1 0.07 6.54  0 2 0.11 6.3  0 1 0.13 80.3  0 1 0.19 12.8
0 3 0.05 9.8  0 4 0.16 9.81  1 2 0.41 9.85  0 1 0.14 18.21  0 4 0.34 5.03  1 5 0.35 14.04  1 4 0.48 21.93
0 1 0.09 8.02  1 4 0.96 7.42  1 2 0.25 8.38  0 5 0.5 6.59  0 5 0.46 9.63  0 1 0.16 13.12  0 1 0.07 7.96  0 2 0.43 14.34
0 4 0.45 41.43  0 1 0.11 7.63  0 1 0.08 7.06  0 2 0.09 12.59  1 5 0.86 13.56  1 5 0.52 3.87  0 2 0.08 9.44
0 1 0.06 7.66  0 2 0.13 12.98  1 5 2.07 419.19  0 1 0.1 27.19  0 2 0.14 22.27  0 2 0.15 9.95  1 2 0.07 21.22
0 1 0.06 11.73  1 5 0.77 10.4  0 1 0.05 58.83  0 1 0.09 6.39  1 2 0.3 11.09  1 5 0.03 12.22  1 2 0.09 13.67
0 1 0.04 17.21  1 4 0.23 22.63  1 5 0.7 12.9  0 2 0.09 9.7  1 4 0.27 21.57  1 4 0.71 8.23  1 1 0.08 72.57
1 4 0.26 15.54  0 1 0.08 10.51  0 2 0.16 10.6  0 1 0.09 14.57  1 4 0.13 5.19  1 2 0.1 9.63  0 1 0.08 4.61
1 2 0.11 21.48  0 3 0.33 17.3  0 2 0.11 12.71  0 4 0.28 9.44  0 2 0.07 11.07  0 1 0.1 19.46  0 4 0.32 10.83
1 5 0.22 5.37  0 1 0.07 11.97  0 1 0.05 7.75  0 5 0.24 9.83  0 4 0.38 10.55  0 2 0.1 28.49  0 2 0.15 8.53
0 1 0.08 12.57  0 1 0.14 12.9  0 1 0.1 46.83  0 3 0.07 11.68  0 1 0.04 12.67  0 2 0.19 9.01  1 5 0.56 9.57
1 2 0.14 34.06  1 2 0.58 11.72  1 5 0.32 14.26  1 5 0.82 47.61  1 5 0.74 11.67  0 2 0.15 24.58  0 4 0.47 10.33
0 4 0.17 13.87  1 5 0.44 15.89  0 1 0.15 22.43  0 1 0.5 6.79  0 1 0.48 13.45
"""
"""Poor outcome, WFNS grade, S100B and NDKA of 113 patients (Turck et al., Intensive Care Medicine 2010, 36:107-115)."""


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
    """Variance of WFNS grades, and the three paired tests, to the digits that pROC's own tests (test-var.R,
    test-roc.test.R) want of them: statistic, p and the interval of the difference."""
    rows = np.array(HAEMORRHAGES.split(), dtype=float).reshape(-1, 4)
    found = delong(rows[:, 0], rows[:, 1:])
    assert found.covariance[0, 0] == pytest.approx(0.00146991470882363, abs=1e-15)
    wanted = {
        (0, 1): (2.20898359144091, 0.0271757822291882, 0.0104061769564846, 0.174214419249478),
        (0, 2): (2.79777591868904, 0.00514557970691098, 0.0634011709339876, 0.3600405634833566),
        (2, 1): (-1.39077002573558, 0.164295175223054, -0.2876917446341914, 0.0488706064228094),
    }
    for pair, published in wanted.items():
        value, error, p = found.difference(*pair)
        half = norm.ppf(0.975) * error
        np.testing.assert_allclose([value / error, p, value - half, value + half], published, atol=1e-12)


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
    for test, printed in {0: (0.0108, 0.0953, 0.9102), 1: (-0.0780, 0.1046, 0.4561)}.items():  # against the last
        np.testing.assert_allclose(found.difference(test, 2), printed, atol=5e-5)


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
