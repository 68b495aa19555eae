"""The images of an epoch: some without findings left out, rare ones repeated, in training only."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from cxr.classification.sampling import epoch_rows
from cxr.config.errors import UserError
from cxr.config.sampling import Balance


@pytest.fixture
def balanced(store):
    """1,000 images: every second without findings, every tenth of the others with Mass, every fifth with Effusion."""
    labels = np.zeros((1000, 3), np.float32)
    labels[1::2, 0] = 1
    labels[1::10, 1] = 1
    labels[1::20, 2] = 1
    return dataclasses.replace(store, labels=labels, no_finding=(labels == 0).all(axis=1))


ROWS = np.arange(100, 1000)


def test_without_balance_every_image_is_shown_once(balanced):
    np.testing.assert_array_equal(epoch_rows(balanced, ROWS, Balance(), 1), ROWS)


@pytest.mark.parametrize("share", [0, 0.2, 0.5])
def test_a_share_of_the_images_without_findings_is_kept(balanced, share):
    shown = epoch_rows(balanced, ROWS, Balance(no_finding=share), 1)
    assert set(ROWS[ROWS % 2 == 1]) <= set(shown)
    assert (shown % 2 == 0).sum() == share * 450
    assert len(set(shown)) == len(shown)
    np.testing.assert_array_equal(shown, epoch_rows(balanced, ROWS, Balance(no_finding=share), 1))
    if share:
        assert set(shown) != set(epoch_rows(balanced, ROWS, Balance(no_finding=share), 2))


def test_findings_are_repeated_as_often_as_the_one_that_is_repeated_most(balanced):
    counts = Counter(epoch_rows(balanced, ROWS, Balance(repeat={"Effusion": 3, "Mass": 5}), 1).tolist())
    for row in ROWS:
        has_effusion, has_mass = balanced.labels[row, 1:] == 1
        assert counts[row] == (5 if has_mass else 3 if has_effusion else 1)


def test_nothing_left_to_train_on_stops(balanced):
    with pytest.raises(UserError, match=r"leaves no image to train on; raise training\.balance\.no_finding"):
        epoch_rows(balanced, ROWS[ROWS % 2 == 0], Balance(no_finding=0), 1)
