"""`cxr train` on data that hold nothing to train on."""

from pathlib import Path

from cxr.__main__ import main

ROOT = Path(__file__).parents[2]


def test_nothing_can_be_trained_where_all_is_test(capsys):
    files = ["--settings", str(ROOT / "SETTINGS.json"), "--params", str(ROOT / "PARAMS.json")]
    assert main(["train", "Tiny", *files, "--set", "split.scheme=test"]) == 2
    assert "every image is in test, there is none to train on; choose another scheme" in capsys.readouterr().err


def test_what_a_user_should_know_of_a_training_is_printed(capsys, monkeypatch):
    member = {"name": "tiny", "best_epoch": 2, "epochs": 3}
    record = {"members": [member | {"notes": ["training.sampler: no training image has Mass"]}, member]}
    monkeypatch.setattr("cxr.commands.train.open_prepared", lambda *_: {})
    monkeypatch.setattr("cxr.classification.group.train_group", lambda *_: (record, ["tiny"]))
    files = ["--settings", str(ROOT / "SETTINGS.json"), "--params", str(ROOT / "PARAMS.json")]
    assert main(["train", "Tiny", *files]) == 0
    assert capsys.readouterr().out.count("train: tiny: training.sampler: no training image has Mass\n") == 1
