import dataclasses
import json
import statistics

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr.config.evaluation import Evaluation
from cxr.evaluation.metrics import measure, read_metrics, write_metrics

SPLIT = {"name": "patients 70/10/20", "hash": "ab12", "parts": {}}
SEEDS = {"tiny": ["tiny-s0", "tiny-s1", "tiny-s2"]}


@pytest.fixture
def members(make_predictions):
    """Name -> predictions of one part each: three seeds of a member, and another member."""
    base = make_predictions()
    random = np.random.default_rng(5)
    names = [*SEEDS["tiny"], "other"]
    noisy = (np.clip(base.probabilities + random.normal(0, 0.2, base.probabilities.shape), 0, 1) for _ in names)
    return {name: [dataclasses.replace(base, probabilities=p)] for name, p in zip(names, noisy, strict=True)}


def mean_auroc(predictions):
    labels = predictions.labels
    known = ~np.isnan(labels)
    areas = [roc_auc_score(labels[k, i], predictions.probabilities[k, i]) for i, k in enumerate(known.T)]
    return sum(areas) / len(areas)


def test_each_member_is_measured_and_the_seeds_have_mean_and_sd(make_predictions, members):
    metrics = measure(make_predictions(), SPLIT, Evaluation(resamples=100), members=members, seeds=SEEDS)
    assert list(metrics["members"]) == list(members)
    for part in ("val", "test"):
        alone = {name: mean_auroc(by_fold[0].part(part)) for name, by_fold in members.items()}
        for name, entries in metrics["members"].items():
            assert entries[part]["value"] == pytest.approx(alone[name], abs=1e-9)
            assert entries[part]["low"] < alone[name] < entries[part]["high"]
        spread = metrics["seeds"]["tiny"][part]
        values = [alone[name] for name in SEEDS["tiny"]]
        assert spread["mean"] == pytest.approx(statistics.mean(values))
        assert spread["sd"] == pytest.approx(statistics.stdev(values))
    assert list(metrics["seeds"]) == ["tiny"]


def test_the_interval_is_that_of_the_member_measured_as_a_group(members):
    [other] = members["other"]
    metrics = measure(other, SPLIT, Evaluation(resamples=100), seed=3, members=members)
    assert metrics["members"]["other"]["test"] == metrics["auroc"]["mean"]
    assert metrics["members"]["other"]["val"] == metrics["validation"]["auroc"]["mean"]
    assert metrics["seeds"] == {}


def test_with_folds_the_test_parts_are_taken_together(make_predictions, members):
    whole = members["other"][0].part("test")
    halves = [whole.rows(np.arange(len(whole.image_ids)) % 2 == half) for half in (0, 1)]
    metrics = measure(whole, SPLIT, Evaluation(resamples=100), members={"other": halves, "tiny-s0": members["tiny-s0"]})
    entry = metrics["members"]["other"]
    assert entry["test"]["value"] == pytest.approx(metrics["auroc"]["mean"]["value"], abs=1e-12)
    assert (entry["val"]["value"], entry["val"]["reason"]) == (None, "each fold has a val part of its own")


def test_a_seed_without_a_value_leaves_mean_and_sd_empty(make_predictions, members):
    codes = np.zeros_like(members["other"][0].label_codes)
    members["tiny-s1"] = [dataclasses.replace(members["tiny-s1"][0], label_codes=codes)]
    metrics = measure(make_predictions(), SPLIT, Evaluation(resamples=100), members=members, seeds=SEEDS)
    assert metrics["seeds"]["tiny"]["test"] == {"mean": None, "sd": None}
    json.dumps(metrics, allow_nan=False)


def test_the_table_has_a_row_per_part_and_member_and_goes_with_the_members(tmp_path, make_predictions, members):
    metrics = measure(make_predictions(), SPLIT, Evaluation(resamples=100), members=members, seeds=SEEDS)
    write_metrics(tmp_path / "metrics.json", metrics)
    assert read_metrics(tmp_path / "metrics.json") == metrics
    table = pd.read_csv(tmp_path / "members.csv").set_index(["part", "member"])
    assert len(table) == 10
    assert table.loc[("test", "other"), "low"] == metrics["members"]["other"]["test"]["low"]
    assert table.loc[("val", "tiny"), "seeds"] == 3
    assert table.loc[("val", "tiny"), "sd"] == metrics["seeds"]["tiny"]["val"]["sd"]
    write_metrics(tmp_path / "metrics.json", measure(make_predictions(), SPLIT, Evaluation(resamples=100)))
    assert not (tmp_path / "members.csv").exists()
