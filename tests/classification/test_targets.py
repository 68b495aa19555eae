"""What uncertain labels become in training, and that metrics never count them."""

import numpy as np
import pytest

from cxr.classification.targets import certain, training_targets
from cxr.config.labels import Findings

SET = ["Edema", "Mass", "Nodule", "Hernia"]
CODES = np.array([[1, 0, -1, np.nan]] * 3 + [[-1] * 4] * 2000, np.float32)
KNOWN = CODES[:3]


def test_metrics_count_neither_uncertain_nor_unknown():
    np.testing.assert_array_equal(certain(CODES)[:3], [[1, 0, np.nan, np.nan]] * 3)
    assert np.isnan(certain(CODES)[3:]).all()


def test_by_default_uncertain_labels_are_ignored():
    found = training_targets(CODES, Findings(set=SET), seed=1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, certain(CODES))


def test_every_finding_has_its_own_policy():
    uncertain = {"default": "zeros", "Edema": "ones", "Hernia": "ignore", "Mass": [0.55, 0.85]}
    found = training_targets(CODES, Findings(set=SET, uncertain=uncertain), seed=1)
    np.testing.assert_array_equal(found[:3], [[1, 0, 0, np.nan]] * 3)
    assert (found[3:, 0] == 1).all()
    assert (found[3:, 2] == 0).all()
    assert np.isnan(found[3:, 3]).all()
    smooth = found[3:, 1]
    assert smooth.min() >= 0.55
    assert smooth.max() <= 0.85
    assert smooth.mean() == pytest.approx(0.70, abs=0.01)
    assert len(np.unique(smooth)) > 1000


def test_smooth_targets_are_the_same_every_time_and_others_for_another_seed():
    findings = Findings(set=SET, uncertain={"default": [0.2, 0.8]})
    first, again, other = (training_targets(CODES, findings, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[3:, 0], first[3:, 1])
