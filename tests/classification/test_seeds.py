"""Several seeds of a member: each trained by itself on the one split, all averaged."""

import json

import keras
import numpy as np
import pandas as pd
import pytest

from cxr.classification.classifiers import group_classifiers, seed_groups
from cxr.classification.runs import check_run
from cxr.config.errors import UserError
from cxr.evaluation.predictions import read_predictions

MEMBERS = {"first": {"network": "tiny", "image_px": 16, "seeds": 2}, "second": {"network": "tiny", "image_px": 16}}
SHORT = {"epochs": 1, "batch": 16}


@pytest.fixture(scope="module")
def params(make_params):
    return make_params(members=MEMBERS, training=SHORT)


@pytest.fixture(scope="module")
def seeded(train, params, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "One"
    return folder, *train(params, store, folder, group="One")


def test_each_seed_is_a_member_and_all_are_averaged(seeded):
    folder, record, names = seeded
    assert names == ["first-s0", "first-s1"]
    assert [(one["name"], one["seed"]) for one in record["members"]] == [("first-s0", 3), ("first-s1", 4)]
    every = [read_predictions(folder / name / "predictions.csv").probabilities for name in names]
    mean = read_predictions(folder / "predictions.csv").probabilities
    np.testing.assert_allclose(mean, sum(every) / 2, rtol=1e-12)


def test_a_seed_changes_weights_and_keeps_the_split(seeded):
    folder = seeded[0]
    runs = [json.loads((folder / name / "run.json").read_text())["inputs"] for name in ("first-s0", "first-s1")]
    assert [run.pop("seed") for run in runs] == [3, 4]
    assert runs[0] == runs[1]  # the split's hash is among these
    first, second = (
        keras.saving.load_model(folder / n / "model.keras").get_weights() for n in ("first-s0", "first-s1")
    )
    assert np.abs(first[0] - second[0]).max() > 1e-3


def test_the_first_seed_is_the_member_as_it_would_be_alone(train, make_params, seeded, store, tmp_path):
    alone = {**MEMBERS, "first": {"network": "tiny", "image_px": 16}}
    train(make_params(members=alone, training=SHORT), store, tmp_path, group="One")
    one, other = (pd.read_csv(folder / "history.csv") for folder in (tmp_path / "first", seeded[0] / "first-s0"))
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-4)


def test_more_seeds_keep_those_that_are_trained(train, make_params, seeded, store, tmp_path):
    folder = tmp_path / "One"
    for name in ("first-s0", "first-s1"):
        (folder / name).mkdir(parents=True)
        for file in ("model.keras", "run.json"):
            (folder / name / file).write_bytes((seeded[0] / name / file).read_bytes())
    more = make_params(members={**MEMBERS, "first": {**MEMBERS["first"], "seeds": 3}}, training=SHORT)
    assert train(more, store, folder, group="One")[1] == ["first-s2"]


def test_other_numbers_of_seeds_and_other_seeds_are_refused(train, make_params, params, seeded, store):
    one = make_params(members={**MEMBERS, "first": {"network": "tiny", "image_px": 16}}, training=SHORT)
    with pytest.raises(UserError, match=r"holds a group of first-s0, first-s1; asked for are first\."):
        train(one, store, seeded[0], group="One")
    shifted = params.model_copy(update={"seed": 4})
    with pytest.raises(UserError, match=r"first-s0: holds a run with other parameters \(seed: 3 there, 4 now\)"):
        check_run(shifted, "One", seeded[0])
    _, classifiers = check_run(params, "One", seeded[0], {"": store})
    assert [one.name for one in classifiers] == ["first-s0", "first-s1"]


def test_names_of_seeds_and_folds(params):
    classifiers = group_classifiers(params, "Both", ["0", "1"])
    assert [one.name for one in classifiers] == [
        *("first-s0-f0", "first-s1-f0", "second-f0", "first-s0-f1", "first-s1-f1", "second-f1")
    ]
    assert seed_groups(classifiers) == {"first": ["first-s0", "first-s1"]}
