"""`cxr train` on data that hold nothing to train on."""

from pathlib import Path

from cxr.__main__ import main

ROOT = Path(__file__).parents[2]


def test_nothing_can_be_trained_where_all_is_test(capsys):
    files = ["--settings", str(ROOT / "SETTINGS.json"), "--params", str(ROOT / "PARAMS.json")]
    assert main(["train", "Tiny", *files, "--set", "split.scheme=test"]) == 2
    assert "every image is in test, there is none to train on; choose another scheme" in capsys.readouterr().err
