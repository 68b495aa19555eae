"""`cxr train` on data that hold nothing to train on."""

from pathlib import Path

import numpy as np
import pytest

from cxr.__main__ import main
from cxr.classification.networks.registry import NETWORKS
from cxr.commands.train import tell_unreached, tell_unscored
from cxr.config.load import load_config

ROOT = Path(__file__).parents[2]


def test_nothing_can_be_trained_where_all_is_test(capsys):
    files = ["--settings", str(ROOT / "SETTINGS.json"), "--params", str(ROOT / "PARAMS.json")]
    assert main(["train", "Tiny", *files, "--set", "split.scheme=test"]) == 2
    assert "every image is in test, there is none to train on; choose another scheme" in capsys.readouterr().err


def test_what_a_user_should_know_of_a_training_is_printed(capsys, monkeypatch):
    member = {"name": "tiny", "best_epoch": 2, "epochs": 3}
    record = {"members": [member | {"notes": ["training.sampler: no training image has Mass"]}, member]}
    monkeypatch.setattr("cxr.commands.train.open_prepared", lambda *_: {})
    monkeypatch.setattr("cxr.classification.group.train_group", lambda *_, **__: (record, ["tiny"]))
    files = ["--settings", str(ROOT / "SETTINGS.json"), "--params", str(ROOT / "PARAMS.json")]
    assert main(["train", "Tiny", *files]) == 0
    assert capsys.readouterr().out.count("train: tiny: training.sampler: no training image has Mass\n") == 1


@pytest.mark.parametrize(
    ("group", "overrides", "unreached"),
    [
        ("Ensemble", ["training.epochs=3"], ["training.epochs does not reach xception, with a value of its own"]),
        ("Ensemble", ["training.epochs=7"], []),  # what it has anyway
        ("Ensemble", ["training.epochs=3", "members.xception.training.epochs=3"], []),
        (
            "Ensemble",
            ["training.optimizer.learning_rate=0.01"],
            ["training.optimizer.learning_rate does not reach densenet169, with"],
        ),
        ("Tiny", ["training.epochs=3"], []),
        ("Ensemble", ["seed=3", "split.val=0.2"], []),
    ],
)
def test_what_a_member_has_of_its_own_is_named_where_set_does_not_reach_it(capsys, group, overrides, unreached):
    config = load_config(ROOT / "SETTINGS.json", ROOT / "PARAMS.json", NETWORKS, overrides=overrides)
    tell_unreached(config.params, group, overrides)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(unreached)
    for line, expected in zip(lines, unreached, strict=True):
        assert f"train: --set {expected}" in line


def test_findings_that_val_cannot_judge_are_named_before_the_training(own_store, capsys):
    own_store.labels[own_store.parts == "val", 0] = 0
    own_store.labels[own_store.parts == "val", 2] = 1
    tell_unscored({"0": own_store})
    assert capsys.readouterr().out == (
        "train: the val part of fold 0 has no image with, or none without: Cardiomegaly, Mass; epochs are chosen by "
        "the other 1 finding\n"
    )
    own_store.labels[own_store.parts == "val"] = 0
    tell_unscored({"": own_store})
    assert (
        "the val part has no image with, or none without: Cardiomegaly, Effusion, Mass; epochs are chosen by the "
        "validation loss" in capsys.readouterr().out
    )


def test_where_val_can_judge_all_nothing_is_said(own_store, capsys):
    val = np.flatnonzero(own_store.parts == "val")
    own_store.labels[val[:2]] = [[0], [1]]
    tell_unscored({"": own_store})
    assert capsys.readouterr().out == ""
