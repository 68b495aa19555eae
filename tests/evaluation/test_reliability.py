import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from cxr.evaluation.calibration_line import estimate_lines
from cxr.evaluation.logistic import fit_logistic, logit
from cxr.evaluation.reliability import assign_bins, measure_reliability
from cxr.evaluation.resamples import Resamples


def sample(seed, images=120, steps=20):
    random = np.random.default_rng(seed)
    scores = np.round(random.random(images) * steps) / steps
    labels = (random.random(images) < scores).astype(float)
    labels[random.random(images) < 0.1] = np.nan
    return labels, scores, random.integers(12, size=images).astype(str)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_scores_equal_their_definitions_in_the_sample_and_in_every_resample(seed, steps):
    labels, scores, owners = sample(seed, steps=steps)
    resamples = Resamples.of(owners, 8, 0)
    found = measure_reliability(labels, scores, resamples, 6)
    known = np.flatnonzero(~np.isnan(labels))
    bins = assign_bins(scores[known], 6)
    for b in (None, *range(8)):
        times = np.ones(len(known), dtype=int) if b is None else resamples.weights[b][resamples.patient_of[known]]
        y, p, g = (np.repeat(values, times) for values in (labels[known], scores[known], bins))
        got = found.values if b is None else {score: draws[b] for score, draws in found.draws.items()}
        assert got["brier"] == pytest.approx(brier_score_loss(y, p, pos_label=1), abs=1e-9)
        parts = [(np.mean(g == i), p[g == i].mean(), y[g == i].mean()) for i in np.unique(g)]
        assert got["ece"] == pytest.approx(sum(w * abs(a - r) for w, a, r in parts), abs=1e-12)
        assert got["reliability"] == pytest.approx(sum(w * (a - r) ** 2 for w, a, r in parts), abs=1e-12)
        assert got["resolution"] == pytest.approx(sum(w * (r - y.mean()) ** 2 for w, _, r in parts), abs=1e-12)
        assert got["uncertainty"] == pytest.approx(y.mean() * (1 - y.mean()), abs=1e-12)
        # Stephenson 2008: what is left is the variance of the probabilities inside bins, less twice the covariance.
        within = sum(
            ((p[g == i] - a) ** 2).sum() - 2 * ((p[g == i] - a) * (y[g == i] - r)).sum()
            for i, (_, a, r) in zip(np.unique(g), parts, strict=True)
        )
        assert got["within_bins"] == pytest.approx(within / len(y), abs=1e-12)


def test_the_decomposition_is_exact_where_bins_hold_one_probability():
    labels, scores, owners = sample(1, steps=3)
    found = measure_reliability(labels, scores, Resamples.of(owners, 2, 0), 100)
    assert len(found.images) == 4
    assert found.values["within_bins"] == pytest.approx(0, abs=1e-15)


def test_bins_hold_equally_many_images_and_never_part_ties():
    assert np.bincount(assign_bins(np.linspace(0, 1, 300), 15)).tolist() == [20] * 15
    assert len(np.bincount(assign_bins(np.linspace(0, 1, 45), 15))) == 4  # at least ten images each, on average
    tied = np.r_[np.zeros(150), np.linspace(0.1, 1, 150)]
    bins = assign_bins(tied, 15)
    assert set(bins[:150]) == {0}
    np.testing.assert_array_equal(np.diff(np.unique(bins)), 1)
    assert (np.diff(bins[150:]) >= 0).all()
    assert set(assign_bins(np.full(50, 0.3), 15)) == {0}
    assert len(assign_bins(np.array([]), 15)) == 0


def test_slope_and_intercept_of_known_distortions():
    random = np.random.default_rng(2)
    logits = random.normal(size=(20_000, 1)) * 1.5 - 1
    labels = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    resamples = Resamples(np.arange(20_000), 20_000, 100, 0)

    def lines(bent):
        return [one.values[0] for one in estimate_lines(labels, 1 / (1 + np.exp(-bent)), resamples, "test")]

    slope, intercept = lines(logits)
    assert (slope, intercept) == (pytest.approx(1, abs=0.05), pytest.approx(0, abs=0.05))
    assert lines(2 * logits)[0] == pytest.approx(slope / 2, abs=1e-6)  # twice too extreme
    assert lines(logits - 0.7)[1] == pytest.approx(intercept + 0.7, abs=1e-6)  # too low
    assert lines(logits - 0.7)[0] == pytest.approx(slope, abs=1e-6)


def test_draws_of_the_line_are_close_to_fits_of_the_resampled_images():
    random = np.random.default_rng(3)
    scores = random.random((900, 1)) * 0.9 + 0.05
    labels = (random.random(scores.shape) < scores).astype(float)
    resamples = Resamples.of(np.repeat(np.arange(300), 3).astype(str), 30, 0)
    slopes, intercepts = estimate_lines(labels, scores, resamples, "test")
    for b in range(30):
        rows = np.repeat(np.arange(900), resamples.weights[b][resamples.patient_of])
        x, y = logit(scores[rows, 0]), labels[rows, 0]
        slope = fit_logistic(np.stack([x, np.ones_like(x)], axis=1), y)[0]
        level = fit_logistic(np.ones((len(x), 1)), y, x)[0]
        assert slopes.draws[b, 0] == pytest.approx(slope, abs=0.02)
        assert intercepts.draws[b, 0] == pytest.approx(level, abs=0.01)
    assert slopes.draws.std() > 0.03


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([0.1, 0.2, 0.8, 0.9], "a threshold parts the labels without error in test"),
        ([0.4] * 4, "all probabilities alike in test"),
    ],
)
def test_no_slope_where_none_fits(scores, reason):
    labels = np.array([[0.0], [0.0], [1.0], [1.0]])
    resamples = Resamples.of(np.array(list("abcd")), 10, 0)
    slope, intercept = estimate_lines(labels, np.array(scores)[:, None], resamples, "test")
    assert np.isnan(slope.values[0])
    assert slope.reasons[0] == reason
    assert np.isfinite(intercept.values[0])
