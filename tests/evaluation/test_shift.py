import numpy as np
import pytest

from cxr.evaluation.estimates import Estimate
from cxr.evaluation.shift import COMPARED, compare_parts


def estimates(values, spread, seed):
    draws = np.random.default_rng(seed).normal(values, spread, size=(4000, 2))
    return {kind: Estimate(np.array(values), draws, (None, None)) for kind in COMPARED}


def test_the_drop_is_validation_minus_test_and_its_variance_the_sum_of_both():
    val, test = estimates([0.8, 0.9], 0.03, 0), estimates([0.75, 0.8], 0.04, 0)  # the same stream: paired if not mended
    found = compare_parts(val, test, ("Edema", "Mass"), 0.95, 1)["auroc"]
    assert (found["Edema"]["validation"], found["Edema"]["test"]) == (0.8, 0.75)
    drop = found["Edema"]["drop"]
    assert drop["value"] == pytest.approx(0.05)
    assert drop["high"] - drop["low"] == pytest.approx(2 * 1.96 * 0.05, rel=0.06)
    assert found["mean"]["drop"]["value"] == pytest.approx(0.075)


def test_a_finding_of_one_part_only_has_no_drop_and_is_in_no_mean():
    val, test = estimates([0.8, np.nan], 0.03, 0), estimates([0.7, 0.9], 0.03, 1)
    val = {kind: Estimate(one.values, one.draws, (None, "no positives in val")) for kind, one in val.items()}
    found = compare_parts(val, test, ("Edema", "Mass"), 0.95, 1)["sensitivity"]
    assert (found["Mass"]["validation"], found["Mass"]["test"]) == (None, 0.9)
    assert (found["Mass"]["drop"]["value"], found["Mass"]["drop"]["reason"]) == (None, "no positives in val")
    assert (found["mean"]["validation"], found["mean"]["test"]) == (0.8, 0.7)
    assert found["mean"]["drop"]["findings"] == 1
