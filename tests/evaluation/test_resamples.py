import numpy as np

from cxr.evaluation.resamples import Resamples


def test_sums_are_over_every_image_as_often_as_its_patient_was_drawn():
    random = np.random.default_rng(0)
    patients = random.choice(["a", "b", "c", "d"], size=30)
    values = random.normal(size=(30, 3))
    resamples = Resamples.of(patients, 300, 1)
    expected = [np.repeat(values, resamples.weights[b][resamples.patient_of], axis=0).sum(axis=0) for b in range(300)]
    np.testing.assert_allclose(resamples.sums(values), expected, atol=1e-12)
    np.testing.assert_array_equal(resamples.weights.sum(axis=1), 4)


def test_support_counts_patients_not_images():
    resamples = Resamples.of(np.array(["a", "a", "b", "c"]), 10, 0)
    chosen = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(resamples.support(chosen), [1, 0, 3])


def test_an_empty_sample_has_resamples_of_nobody():
    resamples = Resamples.of(np.array([], dtype=str), 10, 0)
    np.testing.assert_array_equal(resamples.sums(np.empty((0, 2))), np.zeros((10, 2)))
    assert resamples.patients == 0
