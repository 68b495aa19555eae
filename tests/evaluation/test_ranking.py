"""Draws of both areas against scikit-learn, resample by resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.evaluation import resamples as blocks
from cxr.evaluation.auroc import auroc
from cxr.evaluation.average_precision import average_precision
from cxr.evaluation.intervals import percentile_interval
from cxr.evaluation.ranking import bootstrap_ranking, pooled_ranking
from cxr.evaluation.resamples import Resamples


def brute_force(score, labels, probabilities, resamples, needed):
    """Every resample by scikit-learn, the patients' weights handed to it as sample weights."""
    draws = np.full((resamples.count, labels.shape[1]), np.nan)
    for b in range(resamples.count):
        weights = resamples.weights[b][resamples.patient_of].astype(float)
        for k in range(labels.shape[1]):
            used = ~np.isnan(labels[:, k]) & (weights > 0)
            if set(needed) <= set(labels[used, k]):
                draws[b, k] = score(labels[used, k], probabilities[used, k], sample_weight=weights[used])
    return draws


@pytest.fixture
def part(make_predictions):
    return make_predictions(patients=24, images_per_patient=4).part("test")


def test_both_areas_equal_brute_force_resampling(part):
    labels = part.labels
    labels[:, 2] = np.where(np.arange(len(labels)) < 2, 1, 0)  # positives of one patient: many resamples lose them
    resamples = Resamples.of(part.patient_ids, 120, 5)
    areas, precisions = bootstrap_ranking(labels, part.probabilities, resamples)
    expected = brute_force(roc_auc_score, labels, part.probabilities, resamples, (0, 1))
    assert np.isnan(expected[:, 2]).sum() > 20
    np.testing.assert_allclose(areas, expected, atol=1e-12)
    expected = brute_force(average_precision_score, labels, part.probabilities, resamples, (1,))
    np.testing.assert_allclose(precisions, expected, atol=1e-12)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 5), st.integers(0, 4)), min_size=4))
@settings(max_examples=60, deadline=None)
def test_everybody_drawn_once_is_the_sample(rows):
    table = np.array(rows, dtype=float)
    labels, scores = table[:, :1], table[:, 1:2] / 5
    resamples = Resamples.of(table[:, 2].astype(int).astype(str), 3, 0)
    resamples.__dict__["weights"] = np.ones((3, resamples.patients), dtype=np.uint8)
    areas, precisions = bootstrap_ranking(labels, scores, resamples)
    np.testing.assert_allclose(areas, np.tile(auroc(labels, scores), (3, 1)), atol=1e-14)
    np.testing.assert_allclose(precisions, np.tile(average_precision(labels, scores), (3, 1)), atol=1e-14)


def test_draws_depend_on_patients_and_seed_only(part, monkeypatch):
    def draw(rows, seed=1):
        resamples = Resamples.of(rows.patient_ids, 60, seed)
        return np.stack(bootstrap_ranking(rows.labels, rows.probabilities, resamples))

    whole = draw(part)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1500)
    turned = draw(part.rows(np.arange(len(part.image_ids))[::-1]))
    np.testing.assert_array_equal(whole, turned)
    assert not np.array_equal(whole, draw(part, seed=2))


def test_only_the_order_of_the_scores_matters(part):
    resamples = Resamples.of(part.patient_ids, 50, 0)
    straight = bootstrap_ranking(part.labels, part.probabilities, resamples)
    bent = bootstrap_ranking(part.labels, np.exp(3 * part.probabilities), resamples)
    np.testing.assert_array_equal(straight, bent)


def test_the_pooled_area_is_that_of_one_long_list(part):
    resamples = Resamples.of(part.patient_ids, 40, 3)
    labels, scores = part.labels.reshape(-1, 1), part.probabilities.reshape(-1, 1)
    expected = brute_force(roc_auc_score, labels, scores, resamples.repeated(3), (0, 1))[:, 0]
    np.testing.assert_allclose(pooled_ranking(part.labels, part.probabilities, resamples), expected, atol=1e-12)


def test_repeated_images_of_a_patient_do_not_narrow_the_interval():
    random = np.random.default_rng(0)
    labels = (random.random((80, 1)) < 0.4).astype(float)
    scores = random.random((80, 1)) + 0.3 * labels
    names = np.arange(80).astype(str)
    copies = np.repeat(np.arange(80), 9)

    def width(rows, patients):
        draws = bootstrap_ranking(labels[rows], scores[rows], Resamples.of(patients, 500, 0))[0][:, 0]
        interval = percentile_interval(draws)
        return interval.high - interval.low

    single = width(np.arange(80), names)
    assert width(copies, names[copies]) == pytest.approx(single, abs=1e-12)
    assert width(copies, np.arange(len(copies)).astype(str)) < 0.5 * single
