import dataclasses

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from cxr.config.errors import UserError
from cxr.evaluation.relabelled import compare_labels, labels_table, relabel


@pytest.fixture
def second(make_predictions):
    """Predictions, and a table of every other image with two findings, spelt otherwise: (predictions, ids, codes)."""
    predictions = make_predictions(patients=90)
    random = np.random.default_rng(2)
    rows = random.permutation(np.arange(0, len(predictions.image_ids), 2))
    codes = np.where(random.random((len(rows), 2)) < 0.3, 1.0, 0.0)
    ids = [f"folder/{image}.png" for image in predictions.image_ids[rows]]
    return predictions, ids, codes, rows


def test_only_images_and_findings_of_the_table_are_kept(second):
    predictions, ids, codes, rows = second
    both = relabel(predictions, ids, ["hernia", "EDEMA"], codes)
    assert both.relabelled.findings == ("Edema", "Hernia")
    assert both.without == ("Mass",)
    place = {predictions.image_ids[row]: codes[k] for k, row in enumerate(rows)}
    np.testing.assert_array_equal(both.relabelled.image_ids, predictions.image_ids[np.sort(rows)])
    for image, found in zip(both.relabelled.image_ids, both.relabelled.label_codes, strict=True):
        np.testing.assert_array_equal(found, place[image][::-1])
    np.testing.assert_array_equal(both.original.probabilities, both.relabelled.probabilities)


def test_both_columns_are_those_of_scikit_learn_on_images_that_both_decide(second):
    predictions, ids, codes, _ = second
    both = relabel(predictions, ids, ["hernia", "EDEMA"], codes)
    found = compare_labels(both, resamples=100, seed=0, level=0.95)["Edema"]
    old, new = both.original.part("test"), both.relabelled.part("test")
    known = ~np.isnan(old.labels[:, 0])
    one, two, scores = old.labels[known, 0], new.labels[known, 0], old.probabilities[known, 0]
    assert found["labels"] == known.sum() < len(known)
    assert found["changed"] == (one != two).sum()
    assert found["kappa"] == pytest.approx(cohen_kappa_score(one, two))
    assert found["auroc_original"] == pytest.approx(roc_auc_score(one, scores))
    assert found["auroc_relabelled"] == pytest.approx(roc_auc_score(two, scores))
    assert found["difference"]["low"] <= found["difference"]["value"] <= found["difference"]["high"]
    assert len(labels_table({"Edema": found}).splitlines()) == 2


def test_the_same_labels_differ_by_nothing(make_predictions):
    one = make_predictions()
    both = relabel(one, list(one.image_ids), one.findings, one.label_codes)
    for entry in compare_labels(both, resamples=100, seed=0, level=0.95).values():
        assert (entry["changed"], entry["kappa"], entry["difference"]["value"]) == (0, 1, 0)


def test_a_table_of_other_things_is_refused(second):
    predictions, ids, codes, _ = second
    with pytest.raises(UserError, match="the table labels Lesion, Fracture; predicted are Edema"):
        relabel(predictions, ids, ["Lesion", "Fracture"], codes)
    with pytest.raises(UserError, match="names none of the 270 images"):
        relabel(predictions, [f"x{one}" for one in range(len(ids))], ["Edema", "Mass"], codes)
    twice = np.where(predictions.image_ids == predictions.image_ids[4], "a/00000002", predictions.image_ids)
    with pytest.raises(UserError, match="each image may appear once"):
        relabel(dataclasses.replace(predictions, image_ids=twice), ids, ["Edema", "Mass"], codes)
