"""`cxr train` on data that hold nothing to train on."""

from pathlib import Path

import numpy as np

from cxr.__main__ import main
from cxr.commands.train import tell_unscored

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
