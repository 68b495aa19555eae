import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from cxr.evaluation.confusion import CELLS, confuse, estimate_rates, estimate_total, rates_of
from cxr.evaluation.resamples import Resamples

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 4).map(lambda s: s / 4)), min_size=1)


@given(ROWS, st.integers(0, 4).map(lambda step: step / 4))
def test_counts_and_rates_equal_scikit_learn(rows, threshold):
    table = np.array(rows)
    confusion = confuse(table[:, :1], table[:, 1:], np.array([threshold]))
    known = ~np.isnan(table[:, 0])
    y, called = table[known, 0], (table[known, 1] >= threshold).astype(float)
    expected = oracle.confusion_matrix(y, called, labels=[0, 1]) if known.any() else np.zeros((2, 2))
    counts = {cell: int(count[0]) for cell, count in confusion.counts.items()}
    assert counts == dict(zip(("tn", "fp", "fn", "tp"), expected.ravel(), strict=True))
    rates = {rate: float(value[0]) for rate, value in rates_of(confusion.counts).items()}
    for rate, value in {
        "sensitivity": oracle.recall_score(y, called, zero_division=np.nan) if known.any() else np.nan,
        "specificity": oracle.recall_score(y, called, pos_label=0, zero_division=np.nan) if known.any() else np.nan,
        "ppv": oracle.precision_score(y, called, zero_division=np.nan) if known.any() else np.nan,
        "npv": oracle.precision_score(y, called, pos_label=0, zero_division=np.nan) if known.any() else np.nan,
        "accuracy": (y == called).mean() if known.any() else np.nan,
        "f1": oracle.f1_score(y, called, zero_division=np.nan) if known.any() else np.nan,
        "prevalence": y.mean() if known.any() else np.nan,
        "predicted_prevalence": called.mean() if known.any() else np.nan,
    }.items():
        assert rates[rate] == pytest.approx(value, abs=1e-9, nan_ok=True), rate
    if len(set(y)) == len(set(called)) == 2:
        assert rates["mcc"] == pytest.approx(oracle.matthews_corrcoef(y, called), abs=1e-9)
    else:
        assert np.isnan(rates["mcc"])


def test_images_without_a_threshold_are_in_no_cell():
    labels = np.array([[1.0], [0.0], [1.0]])
    confusion = confuse(labels, np.full((3, 1), 0.4), np.array([[0.3], [np.nan], [np.nan]]))
    assert {cell: int(count[0]) for cell, count in confusion.counts.items()} == {"tp": 1, "fp": 0, "tn": 0, "fn": 0}


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_draws_are_rates_of_resampled_images(seed):
    random = np.random.default_rng(seed)
    labels = random.choice([0.0, 1.0, np.nan], size=(40, 2))
    scores = random.random((40, 2))
    resamples = Resamples.of(random.integers(8, size=40).astype(str), 10, 0)
    rates = estimate_rates(confuse(labels, scores, np.array([0.4, 0.6])), resamples, "test")
    total = estimate_total(confuse(labels, scores, np.array([0.4, 0.6])), resamples, "test")
    for b in range(10):
        rows = np.repeat(np.arange(40), resamples.weights[b][resamples.patient_of])
        counts = confuse(labels[rows], scores[rows], np.array([0.4, 0.6])).counts
        for rate, values in rates_of(counts).items():
            np.testing.assert_allclose(rates[rate].draws[b], values, atol=1e-12)
        heap = rates_of({cell: counts[cell].sum() for cell in CELLS})
        np.testing.assert_allclose(total["ppv"].draws[b, 0], heap["ppv"], atol=1e-12)


def test_what_an_interval_lacks_is_said():
    labels = np.array([[1.0], [1.0], [0.0], [0.0], [0.0]])
    scores = np.array([[0.9], [0.8], [0.1], [0.2], [0.3]])
    resamples = Resamples.of(np.array(["a", "a", "b", "c", "d"]), 200, 0)
    rates = estimate_rates(confuse(labels, scores, np.array([0.5])), resamples, "test")
    entry = rates["sensitivity"].entry(0, 0.95)
    assert (entry["value"], entry["low"]) == (1.0, None)
    assert entry["reason"] == "positives of one patient only in test: no interval"
    assert rates["specificity"].entry(0, 0.95)["reason"] == "the same in every resample of test: no interval"
    assert rates["prevalence"].entry(0, 0.95)["low"] is not None
    nobody = estimate_rates(confuse(labels, scores, np.array([0.95])), resamples, "test")
    assert nobody["ppv"].entry(0, 0.95)["reason"] == "no predicted positives in test"
