"""The order of an epoch: what is drawn how often, and that seed and epoch decide it alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from cxr.config.errors import UserError
from cxr.config.sampler import ClassBalanced, RandomDraw, Shuffled
from cxr.training.batches import Batches
from cxr.training.sampler import make_order

NAN = np.nan
FINDINGS = ("Edema", "Mass", "Hernia")
CHANCE = 1e-6
"""Of a correct sampler to fail a test; seeds are fixed, so that it fails always or never."""


def make_targets(count=600):
    """Edema in a third of the images, Mass in a tenth, Hernia in 4, two of them together; some labels unknown."""
    random = np.random.default_rng(2)
    targets = (random.random((count, 3)) < [1 / 3, 0.1, 0]).astype(np.float32)
    targets[:4, 2] = 1
    targets[random.random((count, 3)) < 0.05] = NAN
    targets[:4, 2], targets[10] = 1, NAN
    return targets


TARGETS = make_targets()
SAMPLERS = [
    Shuffled(name="shuffled"),
    Shuffled(name="shuffled", images_per_epoch=250),
    Shuffled(name="shuffled", images_per_epoch=1500),
    ClassBalanced(name="class_balanced", images_per_epoch=250),
    RandomDraw(name="random"),
]
each = pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda one: f"{one.name}-{one.images_per_epoch}")


def order_of(sampler, epoch=0, targets=TARGETS, seed=3):
    return make_order(sampler, targets, FINDINGS[: targets.shape[1]], seed)[0](epoch)


def test_by_default_an_epoch_is_what_batches_show_without_a_sampler():
    for epoch in (0, 7):
        np.testing.assert_array_equal(
            order_of(SAMPLERS[0], epoch), np.random.default_rng([3, epoch, 0]).permutation(600)
        )
        plain = Batches(lambda rows, rng: (rows, rng.random(3)), 600, 16, 3, epoch)
        sampled = Batches(plain._read, 600, 16, 3, epoch, order_of(SAMPLERS[0], epoch))
        assert len(plain) == len(sampled) == 38
        for step in (0, 5, 37):
            for ours, theirs in zip(sampled[step], plain[step], strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_batches_follow_the_order_they_are_given():
    batches = Batches(lambda rows, rng: (rows, rows), 600, 3, 3, 0, np.array([5, 5, 2, 9]))
    assert [batch[0].tolist() for batch in batches] == [[5, 5, 2], [9]]


@each
def test_seed_and_epoch_decide_alone(sampler):
    first, again = (make_order(sampler, TARGETS, FINDINGS, 3)[0] for _ in range(2))
    expected = [first(epoch) for epoch in range(4)]
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    for epoch in (2, 0, 3, 3, 1):  # a run that goes on asks for later epochs only
        np.testing.assert_array_equal(again(epoch), expected[epoch])
    assert len({tuple(order) for order in expected}) == 4
    assert not np.array_equal(make_order(sampler, TARGETS, FINDINGS, 4)[0](0), expected[0])
    assert {len(order) for order in expected} == {sampler.images_per_epoch or 600}
    assert all(order.min() >= 0 and order.max() < 600 for order in expected)


@settings(deadline=None)
@given(count=st.integers(1, 30), length=st.integers(1, 70), epochs=st.integers(1, 12))
def test_shuffled_shows_every_image_before_any_again(count, length, epochs):
    order, _ = make_order(Shuffled(name="shuffled", images_per_epoch=length), np.zeros((count, 1)), ("Mass",), 3)
    row = np.concatenate([order(epoch) for epoch in range(epochs)])
    assert len(row) == epochs * length
    for start in range(0, len(row), count):
        shown = row[start : start + count]
        assert len(set(shown)) == len(shown)


def assert_even(counts, expected):
    """Pearson's chi-square of observed against expected counts is below what chance exceeds once in a million."""
    assert (np.sum((counts - expected) ** 2 / expected)) < chi2.isf(CHANCE, len(counts) - 1)


def test_random_draws_every_image_evenly_and_again():
    order = order_of(RandomDraw(name="random", images_per_epoch=60_000))
    counts = np.bincount(order, minlength=600)
    assert_even(counts, 100)
    assert len(set(order[:600].tolist())) < 600


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_class_balanced_draws_findings_evenly_then_their_images_evenly(share):
    length = 90_000
    order = order_of(ClassBalanced(name="class_balanced", no_finding_share=share, images_per_epoch=length))
    present = TARGETS == 1
    healthy = ~present.any(axis=1) & ~np.isnan(TARGETS).all(axis=1)
    # of each image: its share of every finding it has, or of the images without any
    chances = (1 - share) * (present / present.sum(axis=0)).mean(axis=1) + share * healthy / healthy.sum()
    assert chances.sum() == pytest.approx(1)
    counts = np.bincount(order, minlength=len(TARGETS))
    assert (counts[chances == 0] == 0).all()
    assert_even(counts[chances > 0], chances[chances > 0] * length)
    low, high = binom.interval(1 - CHANCE, length, share)
    assert low <= healthy[order].sum() <= high
    if share == 0:
        hernia = present[order, 2].mean()
        assert hernia > 1 / 3 - 5 * math.sqrt(2 / 9 / length)  # of 4 images among 600


def test_uncertain_targets_above_one_half_are_present():
    targets = np.array([[0.7], [0.3], [NAN], [0.0]], np.float32)
    drawn = order_of(ClassBalanced(name="class_balanced", no_finding_share=0.5, images_per_epoch=200), targets=targets)
    assert set(drawn.tolist()) == {0, 1, 3}


def test_findings_that_no_image_has_are_skipped_and_said():
    targets = TARGETS.copy()
    targets[:, 1] = np.where(np.isnan(targets[:, 1]), NAN, 0)
    balanced = ClassBalanced(name="class_balanced", no_finding_share=0, images_per_epoch=20_000)
    order, notes = make_order(balanced, targets, FINDINGS, 3)
    assert notes == ["training.sampler: no training image has Mass, which is not drawn"]
    edema, hernia = targets[:, 0] == 1, targets[:, 2] == 1
    drawn = (edema & ~hernia)[order(0)].sum()  # only by way of Edema, which is drawn every second time
    low, high = binom.interval(1 - CHANCE, 20_000, 0.5 * (edema & ~hernia).sum() / edema.sum())
    assert low <= drawn <= high


def test_without_images_without_findings_only_the_others_are_drawn_and_that_is_said():
    targets = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1]], np.float32)
    order, notes = make_order(ClassBalanced(name="class_balanced", no_finding_share=0.9), targets, FINDINGS, 3)
    assert notes == ["training.sampler: no training image is without findings; only such with findings are drawn"]
    assert len(order(0)) == 3


def test_without_any_finding_there_is_nothing_to_draw():
    with pytest.raises(UserError, match=r'training\.sampler: no training image has any of the findings.*"shuffled"'):
        make_order(ClassBalanced(name="class_balanced"), np.zeros((5, 3), np.float32), FINDINGS, 3)
