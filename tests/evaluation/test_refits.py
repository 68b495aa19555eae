import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxr.evaluation.calibration import fit_calibration
from cxr.evaluation.calibration_maps import CalibrationMap, calibrated_probabilities
from cxr.evaluation.line_refits import refit_lines
from cxr.evaluation.logistic import logit
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.refits import AppliedMaps
from cxr.evaluation.reliability import assign_bins

RAW = expit(np.random.default_rng(0).normal(size=(1500, 2)) * 2)


def one_finding(raw, labels):
    rows = np.arange(len(raw)).astype(str)
    return Predictions(rows, rows, np.full(len(raw), "val"), ("Edema",), raw[:, None], labels[:, None])


def make(method="platt", images=400):
    """Maps, validation logits and test probabilities."""
    raw = RAW[:images, 0]
    labels = (np.random.default_rng(1).random(images) < expit(0.6 * logit(raw) - 1)).astype(float)
    return fit_calibration(one_finding(raw, labels), method), raw, RAW[500:, 0]


def separated():
    """A finding told nearly without error: its slope errs upwards, as no labels would make it flat."""
    raw = expit(np.random.default_rng(5).normal(size=1000) * 2.5 - 4)
    labels = (np.random.default_rng(6).random(400) < expit(3 * (logit(raw[:400]) + 1))).astype(float)
    return fit_calibration(one_finding(raw[:400], labels), "platt"), raw[:400], raw[400:]


def sums_of(calibration, test, bin_of, simulations, rows=None):
    everything = np.full(len(test), True)
    applied = AppliedMaps(test[:, None], tuple(rows or [(everything, calibration)]))
    return applied.refitted_sums(0, "Edema", everything, bin_of, simulations, 3)


@pytest.mark.parametrize("case", [make, separated])
def test_lines_fitted_again_are_those_of_scikit_learn(case):
    """Sums over bins by 200 fits of other labels: their place, spread, correlation and farthest bounds."""
    calibration, val, test = case()
    bin_of = assign_bins(test, 6)
    found = sums_of(calibration, test, bin_of, 2000)
    random, refits = np.random.default_rng(2), []
    x = logit(val)[:, None]
    chances = calibrated_probabilities(calibration, one_finding(val, val))[:, 0]
    for _ in range(200):
        labels = random.random(len(val)) < chances
        again = LogisticRegression(C=np.inf).fit(x, labels).predict_proba(logit(test)[:, None])[:, 1]
        refits.append(np.bincount(bin_of, weights=again))
    refits = np.array(refits)
    spread = refits.std(axis=0)
    told = spread > 0.05 * spread.max()  # of the rest nothing is seen in an ECE
    np.testing.assert_allclose(found.std(axis=0)[told], spread[told], rtol=0.25)
    np.testing.assert_allclose(np.corrcoef(found.T[told]), np.corrcoef(refits.T[told]), atol=0.2)
    np.testing.assert_allclose(found.mean(axis=0), refits.mean(axis=0), atol=0.25 * spread.max())
    for share in (0.05, 0.95):
        wanted = np.quantile(refits, share, axis=0)
        assert np.abs(np.quantile(found, share, axis=0) - wanted).max() < 0.5 * spread.max()


def test_images_taken_together_give_the_sums_of_every_image():
    """The same lines by hand: one draw of them, a sigmoid for each image."""
    calibration, _, test = make()
    one, bin_of = calibration.findings["Edema"], assign_bins(test, 6)
    found = sums_of(calibration, test, bin_of, 20)
    slopes, intercepts = refit_lines(one.cells, one.slope, one.intercept, 20, np.random.default_rng([3, 1]))
    exact = [np.bincount(bin_of, weights=expit(a * logit(test) + b)) for a, b in zip(slopes, intercepts, strict=True)]
    np.testing.assert_allclose(found, exact, rtol=1e-3)


def test_each_line_is_the_best_of_its_labels():
    """Newton's method ends where scikit-learn ends, given the same drawn labels."""
    calibration, _, _ = make()
    one = calibration.findings["Edema"]
    slopes, intercepts = refit_lines(one.cells, one.slope, one.intercept, 5, np.random.default_rng(4))
    x, images = np.array(one.cells).T
    hits = np.random.default_rng(4).binomial(images.astype(int), expit(one.slope * x + one.intercept), size=(5, len(x)))
    for line in range(5):
        both = np.r_[np.ones(len(x)), np.zeros(len(x))]
        weights = np.r_[hits[line], images - hits[line]]
        wanted = LogisticRegression(C=np.inf, tol=1e-12).fit(np.tile(x, 2)[:, None], both, sample_weight=weights)
        assert slopes[line] == pytest.approx(wanted.coef_[0, 0], abs=1e-5)
        assert intercepts[line] == pytest.approx(wanted.intercept_[0], abs=1e-5)


def test_a_map_of_an_earlier_version_draws_by_its_curvature():
    calibration, _, test = make()
    one = calibration.findings["Edema"]
    older = calibration.model_copy(update={"findings": {"Edema": one.model_copy(update={"cells": None})}})
    bin_of = assign_bins(test, 6)
    found, refitted = (sums_of(maps, test, bin_of, 2000).std(axis=0) for maps in (older, calibration))
    np.testing.assert_allclose(found, refitted, rtol=0.15)


def test_every_fold_has_a_fit_of_its_own():
    one, _, test = make(images=400)
    two, _, _ = make(images=100)
    first = np.arange(len(test)) < 500
    bin_of = (~first).astype(int)
    found = sums_of(None, test, bin_of, 4000, [(first, one), (~first, two)])
    alone = [sums_of(fit, test, bin_of, 4000) for fit in (one, two)]
    np.testing.assert_allclose(found.std(axis=0), [alone[0].std(axis=0)[0], alone[1].std(axis=0)[1]], rtol=0.1)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.1  # fits of different folds err apart


def test_temperature_has_its_noise_too_and_isotonic_none():
    calibration, _, test = make("temperature")
    bin_of = assign_bins(test, 6)
    assert (sums_of(calibration, test, bin_of, 50).std(axis=0) > 0).any()
    assert sums_of(make("isotonic")[0], test, bin_of, 50) is None


def test_a_covariance_of_another_size_is_refused():
    with pytest.raises(ValueError, match="has 2 rows of 2"):
        CalibrationMap(kind="platt", slope=1, intercept=0, covariance=[[1.0]], positives=10, negatives=10)
