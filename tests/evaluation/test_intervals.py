import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr.evaluation import intervals
from cxr.evaluation.auroc import auroc
from cxr.evaluation.intervals import bootstrap_auroc, mean_draws, percentile_interval, resampled_weights


def brute_force(labels, probabilities, patient_ids, resamples, seed):
    """Every resample by scikit-learn, the patients' weights handed to it as sample weights."""
    patients, owner = np.unique(patient_ids, return_inverse=True)
    weights = np.concatenate(list(resampled_weights(len(patients), resamples, seed, block=7)), axis=1)
    draws = np.full((resamples, labels.shape[1]), np.nan)
    for b in range(resamples):
        for k in range(labels.shape[1]):
            used = ~np.isnan(labels[:, k]) & (weights[owner, b] > 0)
            if len(np.unique(labels[used, k])) == 2:
                draws[b, k] = roc_auc_score(
                    labels[used, k], probabilities[used, k], sample_weight=weights[owner[used], b]
                )
    return draws


def test_equals_brute_force_resampling(make_predictions):
    part = make_predictions(patients=24, images_per_patient=4).part("test")
    labels = part.labels
    labels[:, 2] = np.where(np.arange(len(labels)) < 2, 1, 0)  # positives of one patient: many resamples lose them
    draws = bootstrap_auroc(labels, part.probabilities, part.patient_ids, resamples=150, seed=5)
    expected = brute_force(labels, part.probabilities, part.patient_ids, resamples=150, seed=5)
    assert np.isnan(expected[:, 2]).sum() > 20
    np.testing.assert_allclose(draws, expected, atol=1e-12)


def test_a_resample_of_everybody_once_is_the_sample(make_predictions):
    part = make_predictions()
    patients, owner = np.unique(part.patient_ids, return_inverse=True)
    for k in range(3):
        count = intervals._count(part.labels[:, k], part.probabilities[:, k], owner, len(patients))
        once = intervals._weighted_auroc(count, np.ones((len(patients), 1)))
        np.testing.assert_allclose(once, auroc(part.labels, part.probabilities)[k], atol=1e-14)


def test_draws_do_not_depend_on_block_size_or_row_order(make_predictions, monkeypatch):
    part = make_predictions().part("test")
    whole = bootstrap_auroc(part.labels, part.probabilities, part.patient_ids, resamples=60, seed=1)
    turned = part.rows(np.arange(len(part.image_ids))[::-1])
    monkeypatch.setattr(intervals, "BLOCK_BYTES", 1500)
    blocks = bootstrap_auroc(turned.labels, turned.probabilities, turned.patient_ids, resamples=60, seed=1)
    np.testing.assert_array_equal(whole, blocks)
    other = bootstrap_auroc(part.labels, part.probabilities, part.patient_ids, resamples=60, seed=2)
    assert not np.array_equal(whole, other)


def test_weights_are_whole_resamples_of_the_patients():
    weights = np.concatenate(list(resampled_weights(patients=50, resamples=4000, seed=0, block=999)), axis=1)
    assert weights.shape == (50, 4000)
    np.testing.assert_array_equal(weights.sum(axis=0), 50)
    assert weights.mean(axis=1) == pytest.approx(np.ones(50), abs=0.1)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.03)  # of a multinomial's count


def test_repeated_images_of_a_patient_do_not_narrow_the_interval():
    random = np.random.default_rng(0)
    labels = (random.random((80, 1)) < 0.4).astype(float)
    scores = random.random((80, 1)) + 0.3 * labels
    names = np.arange(80).astype(str)
    copies = np.repeat(np.arange(80), 9)

    def width(rows, patients):
        interval = percentile_interval(bootstrap_auroc(labels[rows], scores[rows], patients, resamples=500)[:, 0])
        return interval.high - interval.low

    single = width(np.arange(80), names)
    assert width(copies, names[copies]) == pytest.approx(single, abs=1e-12)
    assert width(copies, np.arange(len(copies)).astype(str)) < 0.5 * single


def test_percentiles_leave_out_and_count_missing_draws():
    draws = np.r_[np.arange(101) / 100, np.nan, np.nan]
    interval = percentile_interval(draws)
    assert (interval.low, interval.high, interval.left_out) == (pytest.approx(0.025), pytest.approx(0.975), 2)
    nothing = percentile_interval(np.array([np.nan]))
    assert (nothing.low, nothing.high, nothing.left_out) == (None, None, 1)


def test_mean_draws_are_over_the_findings_there_are():
    draws = np.array([[0.5, 0.7], [np.nan, 0.9], [np.nan, np.nan]])
    np.testing.assert_allclose(mean_draws(draws), [0.6, 0.9, np.nan])


def test_coverage_is_near_the_level():
    """Of 95 % intervals over fresh samples, about 95 % hold the true area (binormal: 0.7602)."""
    held, truth = 0, 0.76025
    for seed in range(120):
        random = np.random.default_rng(seed)
        labels = np.r_[np.ones(60), np.zeros(120)][:, None]
        scores = random.normal(size=(180, 1)) + labels
        interval = percentile_interval(
            bootstrap_auroc(labels, scores, np.arange(180).astype(str), resamples=300, seed=seed)[:, 0]
        )
        held += interval.low <= truth <= interval.high
    assert 0.88 <= held / 120 <= 0.99
