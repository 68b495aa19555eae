import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, jaccard_score

from cxr.segmentation.agreement import MEASURES, agreement_line, compare_masks, dice_of, summarise

MASKS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def edge_pixels(mask):
    """Pixels of the mask with a neighbour (above, below, left, right) outside it or outside the image."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inside)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(MASKS.filter(np.any), st.randoms(use_true_random=False))
def test_masks_agree_as_independent_measures_say(truth, random):
    found = np.array([[random.random() < 0.5 for _ in row] for row in truth])
    agreement = compare_masks(truth, found)
    assert agreement.dice == pytest.approx(f1_score(truth.ravel(), found.ravel(), zero_division=0))
    assert agreement.iou == pytest.approx(jaccard_score(truth.ravel(), found.ravel(), zero_division=0))
    assert agreement.area_error == pytest.approx(found.sum() / truth.sum() - 1)
    if not found.any():
        assert agreement.hd95 == pytest.approx(np.hypot(*truth.shape) / len(truth))
        return
    distances = cdist(edge_pixels(truth), edge_pixels(found))
    there, back = np.percentile(distances.min(axis=1), 95), np.percentile(distances.min(axis=0), 95)
    assert agreement.hd95 == pytest.approx(max(there, back) / len(truth))


def test_equal_masks_agree_fully_and_an_empty_truth_is_refused():
    mask = np.zeros((8, 8), bool)
    with pytest.raises(ValueError, match="the true mask is empty"):
        compare_masks(mask, ~mask)
    assert (dice_of(mask, mask), dice_of(mask, ~mask), dice_of(~mask, mask)) == (1, 0, 0)
    mask[2:5, 3:6] = True
    agreement = compare_masks(mask, mask)
    assert (agreement.dice, agreement.iou, agreement.hd95, agreement.area_error) == (1, 1, 0, 0)


def random_table(seed=0, images=60):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.uniform(0.8, 1, (images, len(MEASURES))), columns=list(MEASURES))
    table["source"] = np.where(np.arange(images) < 20, "one", "two")
    table["patient"] = (np.arange(images) // 2).astype(str)
    return table


def test_a_summary_has_means_and_percentiles_of_all_and_of_each_source():
    table = random_table()
    summary = summarise(table, seed=3)
    assert list(summary) == ["all", "one", "two"]
    assert (summary["one"]["images"], summary["one"]["patients"]) == (20, 10)
    for name in MEASURES:
        values = table.loc[table["source"] == "two", name]
        assert summary["two"][name]["mean"] == pytest.approx(values.mean())
        assert summary["two"][name]["p05"] == pytest.approx(np.percentile(values, 5))
        assert summary["two"][name]["low"] < values.mean() < summary["two"][name]["high"]
    assert "Dice 0." in agreement_line(summary["all"])


def test_intervals_resample_patients():
    """Images of a patient that all agree alike are one observation: the interval is that of the patients' means."""
    table = random_table(images=40)
    many = pd.concat([table.assign(patient=table.index.astype(str))] * 9)
    once = summarise(table.assign(patient=table.index.astype(str)), seed=1)["all"]["dice"]
    assert summarise(many, seed=1)["all"]["dice"] == pytest.approx(once)
    spread = (once["high"] - once["low"]) / (2 * 1.96)
    assert spread == pytest.approx(table["dice"].std(ddof=0) / np.sqrt(40), rel=0.1)
