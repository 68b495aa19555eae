"""MixUp, with images that are as grey as their targets are large: both must be mixed by the same shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.training.augment.mixup import mix_pairs


def batch_of(targets):
    """Images (n, 4, 4, 1) whose grey is 100 times the first target."""
    return np.tile(np.float32(100) * targets[:, 0].reshape(-1, 1, 1, 1), (1, 4, 4, 1))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 20), st.floats(0.05, 20), st.integers(0, 2**32))
def test_image_and_target_are_mixed_by_the_same_share(count, alpha, seed):
    targets = np.random.default_rng(seed).integers(0, 2, (count, 3)).astype(np.float32)
    images, mixed = mix_pairs(batch_of(targets), targets, alpha, np.random.default_rng(seed))
    assert images.dtype == mixed.dtype == np.float32
    np.testing.assert_allclose(images, batch_of(mixed), atol=1e-4)
    assert mixed.min() >= 0
    assert mixed.max() <= 1


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_shares_are_those_of_the_beta_distribution(alpha):
    targets = np.eye(2000, dtype=np.float32)
    _, mixed = mix_pairs(batch_of(targets), targets, alpha, np.random.default_rng(0))
    shares = np.diag(mixed)[mixed.diagonal() < 1]
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    assert ((mixed > 0).sum(axis=1) <= 2).all()
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_unknown_in_either_is_unknown_in_the_mix_and_nothing_else():
    targets = np.random.default_rng(1).integers(0, 2, (50, 4)).astype(np.float32)
    unknown = np.random.default_rng(2).random(targets.shape) < 0.3
    gaps = np.where(unknown, np.nan, targets)
    images = np.arange(50, dtype=np.float32).reshape(-1, 1, 1, 1)
    _, whole = mix_pairs(images, targets, 0.5, np.random.default_rng(3))
    _, found = mix_pairs(images, gaps, 0.5, np.random.default_rng(3))
    _, either = mix_pairs(images, unknown.astype(np.float32), 0.5, np.random.default_rng(3))
    np.testing.assert_array_equal(np.isnan(found), either > 0)
    np.testing.assert_array_equal(found[either == 0], whole[either == 0])


def test_single_findings_stay_shares_of_one():
    targets = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
    targets[::7] = np.nan
    _, mixed = mix_pairs(batch_of(targets), targets, 0.4, np.random.default_rng(0))
    known = ~np.isnan(mixed)
    assert (known.all(axis=1) | ~known.any(axis=1)).all()
    np.testing.assert_allclose(mixed[known.all(axis=1)].sum(axis=1), 1, atol=1e-6)


def test_off_it_gives_back_what_it_got_and_draws_nothing(images):
    rng, targets = np.random.default_rng(4), np.ones((6, 2), np.float32)
    assert mix_pairs(images, targets, 0.0, rng) == (images, targets)
    assert rng.bit_generator.state == np.random.default_rng(4).bit_generator.state
