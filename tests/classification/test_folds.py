"""Cross-validation: a member per fold, every image predicted once, by those that were not trained on its patient."""

import dataclasses
import json

import numpy as np
import pytest

from cxr.classification.classifiers import fold_name, group_classifiers
from cxr.classification.execution import Execution
from cxr.classification.group import train_group
from cxr.config.errors import UserError
from cxr.config.evaluation import Evaluation
from cxr.config.labels import Findings
from cxr.evaluation.metrics import measure
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.prepare import prepare
from cxr.preparation.store import open_stores, pooled


@pytest.fixture(scope="module")
def folds(make_source, make_settings, make_params, tmp_path_factory):
    """Parameters of three folds, and their stores."""
    folder = tmp_path_factory.mktemp("folds")
    params = make_params(split={"scheme": "kfold", "folds": 3, "val": 0.25}, training={"epochs": 1, "batch": 8})
    files, _ = prepare([make_source(folder / "images")], make_settings(folder), params, None, workers=1)
    return params, open_stores(files, params.findings)


def quiet(title):
    return lambda done, total: None


@pytest.fixture(scope="module")
def trained_folds(folds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("group")
    return folder, train_group("One", *folds, folder, Execution("keras", quiet))


def test_every_fold_has_a_member_and_its_predictions(folds, trained_folds):
    folder, (record, trained) = trained_folds
    assert trained == ["first-f0", "first-f1", "first-f2"]
    assert record["folds"] == ["0", "1", "2"]
    assert [one.name for one in group_classifiers(folds[0], "One", record["folds"])] == trained
    for fold, store in folds[1].items():
        of_fold, of_member = (
            read_predictions(folder / path) for path in (f"predictions-f{fold}.csv", f"first-f{fold}/predictions.csv")
        )
        np.testing.assert_array_equal(of_fold.probabilities, of_member.probabilities)
        for part in ("val", "test"):
            assert set(of_fold.part(part).image_ids) == set(store.image_ids[store.parts == part])


def test_every_image_is_predicted_once_and_never_by_who_knows_its_patient(folds, trained_folds):
    _, stores = folds
    whole = read_predictions(trained_folds[0] / "predictions.csv")
    assert sorted(whole.image_ids) == sorted(next(iter(stores.values())).image_ids)
    assert set(whole.splits) == {"test"}
    for fold, store in stores.items():
        tested = read_predictions(trained_folds[0] / f"predictions-f{fold}.csv").part("test")
        seen = set(store.patient_ids[np.isin(store.parts, ["train", "val"])])
        assert not seen & set(tested.patient_ids)
        row_of = {image: row for row, image in enumerate(whole.image_ids)}
        rows = [row_of[image] for image in tested.image_ids]
        np.testing.assert_array_equal(whole.probabilities[rows], tested.probabilities)
        np.testing.assert_array_equal(whole.label_codes[rows], tested.label_codes)


def test_the_folds_are_measured_together_and_each_by_itself(trained_folds):
    folder, (record, _) = trained_folds
    by_fold = {fold: read_predictions(folder / f"predictions-f{fold}.csv") for fold in record["folds"]}
    metrics = measure(
        read_predictions(folder / "predictions.csv"), record["split"], Evaluation(resamples=200), 1, by_fold
    )
    json.dumps(metrics, allow_nan=False)
    assert metrics["split"]["part"] == "test"
    assert metrics["images"] == 39
    assert metrics["validation"]["images"] == 0
    assert sum(one["images"] for one in metrics["folds"].values()) == 39
    alone = measure(by_fold["1"], record["split"], Evaluation(resamples=200), 1)
    assert metrics["folds"]["1"]["auroc"]["mean"]["value"] == alone["auroc"]["mean"]["value"]


def test_a_second_run_changes_nothing_and_one_without_folds_is_refused(folds, trained_folds, make_params, store):
    folder, _ = trained_folds
    record, trained = train_group("One", *folds, folder, Execution("keras", quiet))
    assert trained == []
    assert record["folds"] == ["0", "1", "2"]
    with pytest.raises(UserError, match="holds a group of first-f0, first-f1, first-f2; asked for are first"):
        train_group("One", make_params(), {"": store}, folder, Execution("keras", quiet))


def test_stores_of_folds_are_laid_together(folds):
    _, stores = folds
    whole = pooled(stores)
    assert set(whole.parts) == {"test"}
    assert whole.split["parts"]["test"]["images"] == len(whole.image_ids) == 39
    assert whole.split["parts"]["train"]["images"] == 0
    for row, image_id in enumerate(whole.image_ids):
        store = stores[whole.folds[row]]
        there = int(np.flatnonzero(store.image_ids == image_id)[0])
        assert store.parts[there] == "test"
        assert whole.rows[row] == store.rows[there]
        assert whole.paths[row] == store.paths[there]
        assert whole.boxes[row] == store.boxes[there]
        np.testing.assert_array_equal(whole.labels[row], store.labels[there])


def test_without_folds_a_store_is_left_as_it_is(store):
    assert pooled({"": store}) is store
    assert fold_name("tiny", "") == "tiny"


def test_single_findings_train_with_outputs_that_sum_to_one(store, make_params, tmp_path):
    params = make_params(
        findings={"set": ["Cardiomegaly", "Effusion", "Mass"], "labels": "single"}, training={"epochs": 1, "batch": 8}
    )
    assert params.findings == Findings(set=["Cardiomegaly", "Effusion", "Mass"], labels="single")
    labels = np.eye(3, dtype=np.float32)[np.arange(len(store.rows)) % 3]
    labels[::5] = np.nan
    single = dataclasses.replace(store, labels=labels)
    train_group("One", params, {"": single}, tmp_path, Execution("keras", quiet))
    found = read_predictions(tmp_path / "predictions.csv").probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
