"""Weights counted from the training labels, and what is said where there is nothing to count."""

import numpy as np
import pytest

from cxr.classification.losses.weights import given_weights, label_weights

NAN = np.nan
FINDINGS = ("Edema", "Mass", "Hernia", "Fracture", "Nodule")
# Edema: 1 of 4 known; Mass: 0.7 of 2 known; Hernia: none has it; Fracture: all have it; Nodule: nothing is known.
TARGETS = np.array(
    [
        [1, 0.7, 0, 1, NAN],
        [0, 0.0, 0, 1, NAN],
        [0, NAN, 0, NAN, NAN],
        [0, NAN, NAN, NAN, NAN],
        [NAN, NAN, NAN, NAN, NAN],
    ],
    np.float32,
)


@pytest.mark.parametrize(
    ("weighting", "positive", "negative"),
    [
        ("frequency", [3 / 4, 1.3 / 2], [1 / 4, 0.7 / 2]),
        ("neg_pos", [3.0, 1.3 / 0.7], [1.0, 1.0]),
    ],
)
def test_known_labels_are_counted_and_findings_without_both_kinds_keep_1(weighting, positive, negative):
    found_positive, found_negative, notes = label_weights(TARGETS, FINDINGS, weighting)
    np.testing.assert_allclose(found_positive, [*positive, 1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(found_negative, [*negative, 1, 1, 1], rtol=1e-6)
    assert notes == [
        "training.loss: Hernia keeps weights of 1, for no training image is known to have it",
        "training.loss: Fracture keeps weights of 1, for no training image is known to be without it",
        "training.loss: Nodule keeps weights of 1, for no training image is known to have it",
    ]


def test_frequency_weights_give_presence_and_absence_the_same_weight_in_all():
    """Sum over images of w+ where present = that of w- where absent (CheXNet)."""
    labels = (np.random.default_rng(1).random((500, 3)) < [0.02, 0.3, 0.7]).astype(np.float32)
    for weighting in ("frequency", "neg_pos"):
        positive, negative, notes = label_weights(labels, FINDINGS[:3], weighting)
        np.testing.assert_allclose(labels.sum(0) * positive, (1 - labels).sum(0) * negative, rtol=1e-6)
        assert notes == []


def test_weights_given_by_hand_are_of_presence_alone():
    positive, negative = given_weights({"Hernia": 10.0, "Edema": 0.5}, FINDINGS)
    np.testing.assert_array_equal(positive, [0.5, 1, 10, 1, 1])
    np.testing.assert_array_equal(negative, np.ones(5))
