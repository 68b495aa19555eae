import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from cxr.evaluation.calibration import MIN_IMAGES, fit_calibration
from cxr.evaluation.calibration_maps import calibrated_probabilities
from cxr.evaluation.logistic import logit
from cxr.evaluation.predictions import Predictions


def one_finding(labels, probabilities, patients=None):
    """Validation predictions of one finding, every image of another patient unless told."""
    rows = np.arange(len(labels)).astype(str)
    return Predictions(
        image_ids=rows,
        patient_ids=rows if patients is None else patients,
        splits=np.full(len(rows), "val"),
        findings=("Edema",),
        probabilities=np.asarray(probabilities, dtype=float)[:, None],
        label_codes=np.asarray(labels, dtype=float)[:, None],
    )


def drawn(seed, images=400, steps=None):
    """Labels, and probabilities that are too high and too extreme."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=images) * 1.5 - 1
    labels = (random.random(images) < expit(logits)).astype(float)
    probabilities = expit(1.7 * logits + 1.5)
    return labels, probabilities if steps is None else np.round(probabilities * steps) / steps


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 12]))
def test_platt_equals_scikit_learn(seed, steps):
    labels, raw = drawn(seed, steps=steps)  # with steps also ties, 0 and 1
    fit = fit_calibration(one_finding(labels, raw), "platt").findings["Edema"]
    x = logit(raw)[:, None]
    expected = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(x, labels)
    assert fit.slope == pytest.approx(expected.coef_[0, 0], abs=1e-6)
    assert fit.intercept == pytest.approx(expected.intercept_[0], abs=1e-6)
    found = calibrated_probabilities(fit_calibration(one_finding(labels, raw), "platt"), one_finding(labels, raw))
    np.testing.assert_allclose(found[:, 0], expected.predict_proba(x)[:, 1], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 7, 40]))
def test_isotonic_equals_scikit_learn_also_between_and_outside(seed, steps):
    labels, raw = drawn(seed, images=150, steps=steps)
    calibration = fit_calibration(one_finding(labels, raw), "isotonic")
    expected = IsotonicRegression(out_of_bounds="clip").fit(raw, labels)
    new = np.linspace(0, 1, 501)
    found = calibrated_probabilities(calibration, one_finding(np.zeros(501), new))
    np.testing.assert_allclose(found[:, 0], expected.predict(new), atol=1e-6)


def test_temperature_minimises_the_log_loss():
    labels, raw = drawn(3)
    fit = fit_calibration(one_finding(labels, raw), "temperature").findings["Edema"]

    def loss(slope):
        return (np.logaddexp(0, slope * logit(raw)) - labels * slope * logit(raw)).sum()

    assert fit.slope == pytest.approx(minimize_scalar(loss, bounds=(0.01, 5), options={"xatol": 1e-9}).x, abs=1e-6)
    assert fit.intercept is None
    found = calibrated_probabilities(fit_calibration(one_finding(labels, raw), "temperature"), one_finding(labels, raw))
    np.testing.assert_allclose(found[:, 0], expit(fit.slope * logit(raw)))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibrated_probabilities_are_right_on_fresh_images(method):
    labels, raw = drawn(1, images=20_000)
    calibration = fit_calibration(one_finding(labels, raw), method)
    fresh_labels, fresh = drawn(2, images=20_000)
    found = calibrated_probabilities(calibration, one_finding(fresh_labels, fresh))[:, 0]
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 1)):
        chosen = (found >= low) & (found < high)
        assert found[chosen].mean() == pytest.approx(fresh_labels[chosen].mean(), abs=0.03)
        assert abs(fresh[chosen].mean() - fresh_labels[chosen].mean()) > 0.1
    assert (np.diff(found[np.argsort(fresh)]) >= 0).all()


def test_unknown_and_uncertain_labels_are_left_out():
    labels, raw = drawn(4)
    more = one_finding(np.r_[labels, np.full(50, np.nan), np.full(50, -1.0)], np.r_[raw, np.full(100, 0.99)])
    whole = fit_calibration(more, "platt").findings["Edema"]
    assert whole == fit_calibration(one_finding(labels, raw), "platt").findings["Edema"]
    assert (whole.positives, whole.negatives) == ((labels == 1).sum(), (labels == 0).sum())


def test_separable_labels_have_platts_finite_targets():
    raw = np.r_[np.linspace(0.1, 0.4, 30), np.linspace(0.6, 0.9, 12)]
    labels = (raw > 0.5).astype(float)
    calibration = fit_calibration(one_finding(labels, raw), "platt")
    fit = calibration.findings["Edema"]
    assert fit.smoothed
    targets = np.where(labels == 1, 13 / 14, 1 / 32)
    found = calibrated_probabilities(calibration, one_finding(labels, raw))[:, 0]
    # At the minimum of the log loss the residuals are orthogonal to the logit and to a constant.
    np.testing.assert_allclose([(targets - found).sum(), ((targets - found) * logit(raw)).sum()], 0, atol=1e-8)
    assert not fit_calibration(one_finding(*drawn(0)), "platt").findings["Edema"].smoothed
    assert fit_calibration(one_finding(labels, raw), "temperature").findings["Edema"].smoothed
    below = one_finding(np.r_[labels, 1], np.r_[raw, 0.2])
    assert not fit_calibration(below, "temperature").findings["Edema"].smoothed


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic"])
def test_what_cannot_be_fitted_stays_as_it_is_and_says_why(method):
    labels, raw = drawn(5)
    few = np.where(np.cumsum(labels) < MIN_IMAGES, labels, np.nan)
    cases = {
        "9 positives of 9 patients in val; a fit needs 10 of 5 patients": one_finding(few, raw),
        "0 negatives of 0 patients in val": one_finding(np.ones(400), raw),
        "all probabilities in val are alike": one_finding(labels, np.full(400, 0.4)),
        "higher probabilities are positive less often": one_finding(1 - labels, expit(logit(raw) - 0.5)),
        "positives of 2 patients": one_finding(labels, raw, np.where(np.arange(400) % 2, "a", "b")),
        "0 positives of 0 patients": one_finding([], []),
    }
    for reason, val in cases.items():
        calibration = fit_calibration(val, method)
        fit = calibration.findings["Edema"]
        assert fit.kind == "none"
        assert reason in fit.reason
        np.testing.assert_array_equal(calibrated_probabilities(calibration, val), val.probabilities)
    none = fit_calibration(one_finding(labels, raw), "none").findings["Edema"]
    assert (none.kind, none.reason) == ("none", None)


def softmax_predictions(seed, images=600, sharp=2.0):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(images, 3))
    truth = np.array([random.choice(3, p=row) for row in softmax(logits, axis=1)])
    rows = np.arange(images).astype(str)
    return Predictions(
        rows, rows, np.full(images, "val"), ("A", "B", "C"), softmax(sharp * logits, axis=1), np.eye(3)[truth]
    )


def test_single_findings_share_one_temperature_and_still_sum_to_one():
    val = softmax_predictions(0)
    calibration = fit_calibration(val, "temperature", single=True)
    slopes = {fit.slope for fit in calibration.findings.values()}
    assert len(slopes) == 1
    logs, truth = np.log(val.probabilities), val.label_codes == 1

    def loss(slope):
        return -np.log(softmax(slope * logs, axis=1)[truth]).sum()

    assert slopes.pop() == pytest.approx(minimize_scalar(loss, bounds=(0.01, 5), options={"xatol": 1e-9}).x, abs=1e-6)
    np.testing.assert_allclose(calibrated_probabilities(calibration, val).sum(axis=1), 1)
    with pytest.raises(ValueError, match="needs the probabilities of all findings"):
        two = dataclasses.replace(val, findings=("A", "B"), probabilities=val.probabilities[:, :2])
        calibrated_probabilities(calibration, two)


def test_no_shared_temperature_where_every_answer_is_right():
    val = softmax_predictions(0)
    right = dataclasses.replace(val, probabilities=0.8 * val.label_codes + 0.2 / 3)
    fit = fit_calibration(right, "temperature", single=True).findings["A"]
    assert (fit.kind, fit.slope) == ("none", None)
    assert "no temperature fits val best" in fit.reason
