import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr.evaluation.curve_bands import GRID, MOST_CUTS, draw_curves
from cxr.evaluation.resamples import Resamples

LEVEL = 0.9


@pytest.fixture
def sample():
    """300 images of 75 patients, two findings; ties in the second, some labels unknown."""
    random = np.random.default_rng(0)
    labels = (random.random((300, 2)) < (0.3, 0.1)).astype(float)
    probabilities = 1 / (1 + np.exp(1 - labels - random.normal(size=labels.shape)))
    probabilities[:, 1] = probabilities[:, 1].round(1)
    labels[random.random(labels.shape) < 0.05] = np.nan
    return labels, probabilities, np.array([f"{row // 4:03d}" for row in range(300)])


def test_the_curves_are_scikit_learns(sample):
    labels, probabilities, patients = sample
    for k, curve in enumerate(draw_curves(labels, probabilities, Resamples.of(patients, 20, 0), LEVEL)):
        known = ~np.isnan(labels[:, k])
        y, scores = labels[known, k], probabilities[known, k]
        fpr, tpr, _ = roc_curve(y, scores, drop_intermediate=False)
        assert curve.false_positive_rate == pytest.approx(fpr)
        assert curve.sensitivity == pytest.approx(tpr)
        precision, recall, _ = precision_recall_curve(y, scores)
        assert curve.precision[1:] == pytest.approx(precision[:-1][::-1])
        assert curve.sensitivity[1:] == pytest.approx(recall[:-1][::-1])
        assert curve.prevalence == pytest.approx(y.mean())


def test_the_bands_are_those_of_a_loop_over_repeated_images(sample):
    labels, probabilities, patients = sample
    resamples = Resamples.of(patients, 60, 3)
    curves = draw_curves(labels, probabilities, resamples, LEVEL)
    for k, curve in enumerate(curves):
        sensitivities, precisions = [], []
        for weights in resamples.weights:
            rows = np.repeat(np.arange(300), weights[resamples.patient_of])
            rows = rows[~np.isnan(labels[rows, k])]
            y, scores = labels[rows, k], probabilities[rows, k]
            fpr, tpr, _ = roc_curve(y, scores, drop_intermediate=False)
            sensitivities.append([max(_on_line(fpr, tpr, x)) for x in GRID])
            precision, recall, _ = precision_recall_curve(y, scores)
            rising = [(r, p) for r, p in zip(recall[-2::-1], precision[-2::-1], strict=True)]
            precisions.append([next(p for r, p in rising if r >= x - 1e-9) for x in GRID])
        bounds = [0.05, 0.95]
        assert curve.sensitivity_band == pytest.approx(np.quantile(sensitivities, bounds, axis=0))
        assert curve.precision_band == pytest.approx(np.quantile(precisions, bounds, axis=0))


def _on_line(xs, ys, x):
    """Every height that the polygon has at x."""
    for x0, y0, x1, y1 in zip(xs[:-1], ys[:-1], xs[1:], ys[1:], strict=True):
        if x0 <= x <= x1:
            yield from (y0, y1) if x0 == x1 else [y0 + (y1 - y0) * (x - x0) / (x1 - x0)]


def test_many_thresholds_are_thinned_and_the_band_stays_near_the_curve():
    random = np.random.default_rng(1)
    labels = (random.random((4000, 1)) < 0.2).astype(float)
    probabilities = random.random(labels.shape) * 0.5 + labels * 0.2
    curve = draw_curves(labels, probabilities, Resamples.of(np.arange(4000).astype(str), 50, 0), LEVEL)[0]
    assert len(curve.sensitivity) > MOST_CUTS
    middle = np.interp(GRID, curve.false_positive_rate, curve.sensitivity)
    low, high = curve.sensitivity_band
    assert np.all((low - 0.02 <= middle) & (middle <= high + 0.02))


def test_what_cannot_be_drawn_is_none(sample):
    labels, probabilities, patients = sample
    labels[:, 0] = np.where(np.isnan(labels[:, 0]), np.nan, 0)
    labels[:, 1] = 0
    labels[:3, 1] = 1  # one patient has all positives
    none, bare = draw_curves(labels, probabilities, Resamples.of(patients, 20, 0), LEVEL)
    assert none is None
    assert bare.sensitivity_band is bare.precision_band is None
    one = draw_curves(labels, probabilities, Resamples.of(np.full(300, "a"), 20, 0), LEVEL)[1]
    assert one.sensitivity_band is None
