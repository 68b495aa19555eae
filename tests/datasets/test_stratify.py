"""Dealing patients by their label counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.datasets.stratify import deal_patients

SHARES = np.array([0.5, 0.25, 0.25])


def random_counts(patients, labels, seed):
    random = np.random.default_rng(seed)
    images = random.integers(1, 8, patients)
    return np.column_stack([random.binomial(images[:, None], random.random(labels) ** 3, (patients, labels)), images])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 60), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_every_patient_gets_one_part_and_no_part_too_many_images(patients, labels, seed):
    counts = random_counts(patients, labels, seed)
    part = deal_patients(counts, SHARES, np.random.default_rng(seed))
    assert part.shape == (patients,)
    assert set(part) <= {0, 1, 2}
    np.testing.assert_array_equal(part, deal_patients(counts, SHARES, np.random.default_rng(seed)))
    if labels == 0:  # then a part gets a patient only while it wants images: at most one patient too many
        got = np.array([counts[part == k, -1].sum() for k in range(3)])
        assert (got - SHARES * counts[:, -1].sum() <= counts[:, -1].max()).all()


@pytest.mark.parametrize("seed", range(5))
def test_equal_patients_are_dealt_exactly(seed):
    counts = np.repeat([[1, 0, 1], [0, 1, 1], [0, 0, 1]], 40, axis=0)
    part = deal_patients(counts, SHARES, np.random.default_rng(seed))
    for kind in range(3):
        assert np.bincount(part[40 * kind : 40 * (kind + 1)], minlength=3).tolist() == [20, 10, 10]


def test_patients_with_many_rare_images_do_not_end_in_one_part():
    counts = np.array([[8, 8]] * 4 + [[0, 4]] * 92)
    part = deal_patients(counts, SHARES, np.random.default_rng(0))
    assert np.bincount(part[:4], minlength=3).tolist() == [2, 1, 1]
    np.testing.assert_allclose([counts[part == k, -1].sum() for k in range(3)], 400 * SHARES, atol=4)


@pytest.mark.parametrize("shares", [SHARES, np.array([0.7, 0.1, 0.2])])
def test_patients_with_many_images_are_as_frequent_in_every_part(shares):
    random = np.random.default_rng(3)
    images = random.geometric(0.3, 4000)  # few patients have many images, and few images have findings, as on NIH
    counts = np.column_stack([random.binomial(images[:, None], random.uniform(0, 0.1, 14), (4000, 14)), images])
    part = deal_patients(counts, shares, np.random.default_rng(0))
    means = np.array([images[part == k].mean() for k in range(3)])
    np.testing.assert_allclose(means, images.mean(), rtol=0.08)
    for k in range(3):
        np.testing.assert_allclose(counts[part == k].sum(axis=0), counts.sum(axis=0) * shares[k], rtol=0.04, atol=3)


def test_who_goes_where_is_up_to_the_generator():
    counts = random_counts(100, 3, seed=1)
    first, second = (deal_patients(counts, SHARES, np.random.default_rng(seed)) for seed in (1, 2))
    assert (first != second).mean() > 0.2
