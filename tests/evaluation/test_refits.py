import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxr.evaluation.band import simulate_band
from cxr.evaluation.calibration import fit_calibration
from cxr.evaluation.calibration_maps import CalibrationMap, calibrated_probabilities
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


def sums_of(calibration, test, bin_of, simulations, rows=None):
    everything = np.full(len(test), True)
    applied = AppliedMaps(test[:, None], tuple(rows or [(everything, calibration)]))
    return applied.refitted_sums(0, "Edema", everything, bin_of, simulations, 3)


def test_drawn_lines_are_as_far_apart_as_fits_to_other_labels():
    calibration, val, test = make()
    one = calibration.findings["Edema"]
    bin_of = assign_bins(test, 6)
    found = sums_of(calibration, test, bin_of, 2000)
    random, refits = np.random.default_rng(2), []
    x = logit(val)[:, None]
    chances = calibrated_probabilities(calibration, one_finding(val, val))[:, 0]
    for _ in range(120):
        labels = random.random(len(val)) < chances
        again = LogisticRegression(C=np.inf).fit(x, labels).predict_proba(logit(test)[:, None])[:, 1]
        refits.append(np.bincount(bin_of, weights=again))
    refits = np.array(refits)
    np.testing.assert_allclose(found.std(axis=0), refits.std(axis=0), rtol=0.25)
    np.testing.assert_allclose(np.corrcoef(found.T), np.corrcoef(refits.T), atol=0.2)
    exact = np.bincount(bin_of, weights=expit(one.slope * logit(test) + one.intercept))
    np.testing.assert_allclose(found.mean(axis=0), exact, atol=0.25 * found.std(axis=0).max())


def test_the_limit_of_a_finding_told_nearly_without_error_is_near_that_of_fits_to_other_labels():
    """Its slope errs upwards: a normal distribution would draw flat lines as well, and a limit four times as high."""
    random = np.random.default_rng(5)
    raw = expit(np.where(random.random(1200) < 0.12, random.normal(2, 2, 1200), random.normal(-10, 2, 1200)))
    labels = (random.random(400) < expit(1.5 * (logit(raw[:400]) + 1))).astype(float)
    calibration, test = fit_calibration(one_finding(raw[:400], labels), "platt"), raw[400:]
    val, chances = (calibrated_probabilities(calibration, one_finding(p, p))[:, 0] for p in (raw[:400], test))
    bin_of, refits = assign_bins(chances, 15), []
    for _ in range(200):
        line = LogisticRegression(C=np.inf).fit(logit(raw[:400])[:, None], random.random(400) < val)
        refits.append(np.bincount(bin_of, weights=line.predict_proba(logit(test)[:, None])[:, 1]))
    wanted = simulate_band(chances, bin_of, 0, simulations=200, refitted=np.array(refits)).limit
    drawn = simulate_band(chances, bin_of, 0, refitted=sums_of(calibration, test, bin_of, 1000)).limit
    assert 0.9 * wanted < drawn < 1.7 * wanted


def test_images_taken_together_give_the_sums_of_every_image():
    """The same lines by hand: one draw of them, a sigmoid for each image."""
    calibration, _, test = make()
    one, bin_of = calibration.findings["Edema"], assign_bins(test, 6)
    found = sums_of(calibration, test, bin_of, 20)
    apart = np.random.default_rng([3, 1]).multivariate_normal([0, 0], one.covariance, size=20)
    lines = np.stack([one.slope * np.exp(apart[:, 0] / one.slope), one.intercept + apart[:, 1]], axis=1)
    exact = [np.bincount(bin_of, weights=expit(a * logit(test) + b)) for a, b in lines]
    np.testing.assert_allclose(found, exact, rtol=1e-3)


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
