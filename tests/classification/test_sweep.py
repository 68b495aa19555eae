"""Points of a sweep: trained as ever, measured on validation alone, finished ones kept, failed ones told."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr.classification import sweep
from cxr.classification.execution import Execution
from cxr.classification.sweep import name_points, run_point
from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions

AXIS = "training.optimizer.learning_rate"
RATES = (0.001, 1e30)


class Watched:
    """Crops that remember which of their rows were read."""

    def __init__(self, crops):
        self.crops, self.shape, self.read = crops, crops.shape, set()

    def __getitem__(self, rows):
        self.read |= set(np.atleast_1d(rows).tolist())
        return self.crops[rows]


@pytest.fixture(scope="module")
def points(make_params, store):
    params = make_params(
        members={"first": {"network": "tiny", "image_px": 16}},
        groups={"One": ["first"]},
        training={"epochs": 1, "batch": 8, "schedule": {"name": "constant"}},
    )
    both = []
    for rate in RATES:  # copied, because no file may name the second: it must fail in training
        optimizer = params.training.optimizer.model_copy(update={"learning_rate": rate})
        both.append(params.model_copy(update={"training": params.training.model_copy(update={"optimizer": optimizer})}))
    return name_points("One", [{AXIS: rate} for rate in RATES], both, store)


@pytest.fixture(scope="module")
def swept(points, store, tmp_path_factory):
    """Folder, rows, and the rows of the store that were read."""
    folder, crops = tmp_path_factory.mktemp("sweep"), Watched(store.crops)
    watched = dataclasses.replace(store, crops=crops)
    rows = [run_point("One", point, watched, folder / point.name, Execution("keras", quiet)) for point in points]
    return folder, rows, crops.read


def quiet(title):
    return lambda done, total: None


def test_a_point_is_measured_on_validation(swept, points, store):
    folder, (row, _), _ = swept
    predictions = read_predictions(folder / points[0].name / "predictions.csv")
    assert set(predictions.splits) == {"val"}
    assert set(predictions.image_ids) == set(store.image_ids[store.parts == "val"])
    labels, known = predictions.labels, ~np.isnan(predictions.labels)
    areas = [
        roc_auc_score(labels[k, i], predictions.probabilities[k, i])
        for i, k in enumerate(known.T)
        if len(set(labels[k, i])) == 2
    ]
    assert row["auroc"] == pytest.approx(np.mean(areas), abs=1e-9)
    assert row["low"] <= row["auroc"] <= row["high"]
    assert row["findings"] == len(areas)
    history = pd.read_csv(folder / points[0].name / "first" / "history.csv")
    assert row["seconds"] == pytest.approx(history["seconds"].sum(), abs=0.1)


def test_no_test_image_is_read(swept, store):
    assert swept[2] == set(store.rows[store.parts != "test"].tolist())


def test_a_point_that_fails_says_why_and_is_no_error(swept, points):
    _, (_, row), _ = swept
    assert row["point"] == points[1].name
    assert (row["auroc"], row["seconds"]) == (None, None)
    assert "lower the learning rate" in row["reason"]


def test_a_finished_point_is_kept_and_not_measured_again(swept, points, store, monkeypatch):
    folder, rows, _ = swept
    model = folder / points[0].name / "first" / "model.keras"
    before = model.stat().st_mtime_ns
    monkeypatch.setattr(sweep, "mean_auroc", None)
    again = run_point("One", points[0], store, folder / points[0].name, Execution("keras", quiet))
    assert again == rows[0]
    assert model.stat().st_mtime_ns == before


def test_points_are_named_by_their_values_and_by_all_they_depend_on(points, make_params, store):
    names = [point.name for point in points]
    assert names[0].startswith("learning_rate=0.001-")
    assert names[0][:-8] != names[1][:-8]
    [same] = name_points("One", [points[0].values], [points[0].params], store)
    assert same.name == names[0]
    longer = points[0].params.model_copy(update={"seed": 9})
    [other] = name_points("One", [points[0].values], [longer], store)
    assert (other.name != names[0], other.name[:-8]) == (True, names[0][:-8])


def test_a_key_that_changes_nothing_is_refused(points, store):
    values = [{AXIS: 0.001, "evaluation.resamples": count} for count in (100, 200)]
    with pytest.raises(UserError, match=r"--over evaluation\.resamples: no training of group One depends on it"):
        name_points("One", values, [points[0].params] * 2, store)


class ResourceExhaustedError(Exception):
    """As TensorFlow's, by name."""


def test_a_point_without_memory_is_told_and_a_mistake_of_ours_is_not_hidden(points, store, tmp_path, monkeypatch):
    def fail(error):
        def train_group(*_, **__):
            raise error

        monkeypatch.setattr(sweep, "train_group", train_group)
        return run_point("One", points[0], store, tmp_path, Execution("keras", quiet))

    row = fail(ResourceExhaustedError("OOM when allocating tensor"))
    assert row["reason"].startswith("out of memory (ResourceExhaustedError); lower training.batch")
    json.dumps(row, allow_nan=False)
    with pytest.raises(KeyError):
        fail(KeyError("no"))
