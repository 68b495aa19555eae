"""`./cxr compare` on predictions written by hand: no network is needed for it, nor loaded."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.config.record import hash_of_file
from cxr.evaluation.predictions import Predictions, write_predictions

FINDINGS = ("Edema", "Mass")


@pytest.fixture
def write_run(tmp_path):
    """A function: name, noise -> the folder of a group with one member more or less noisy than its labels."""

    def write(name, noise, members=("one", "two")):
        random = np.random.default_rng(len(name))
        owner = np.arange(80) // 2
        codes = (np.random.default_rng(0).random((80, 2)) < 0.4).astype(float)
        base = Predictions(
            image_ids=np.array([f"{row:03d}.png" for row in range(80)]),
            patient_ids=np.array([f"p{one}" for one in owner]),
            splits=np.where(owner < 10, "val", "test"),
            findings=FINDINGS,
            probabilities=np.zeros((80, 2)),
            label_codes=codes,
        )
        folder = tmp_path / "models" / name
        parts = [np.clip(0.3 + 0.3 * codes + noise * random.normal(size=codes.shape), 0, 1) for _ in members]
        for member, part in zip(members, parts, strict=True):
            write_predictions(folder / member / "predictions.csv", dataclasses.replace(base, probabilities=part))
        write_predictions(folder / "predictions.csv", dataclasses.replace(base, probabilities=np.mean(parts, axis=0)))
        record = {"members": [{"name": member, "fold": ""} for member in members]}
        record["split"] = {"name": "patients 70/10/20"}
        record["predictions_hash"] = hash_of_file(folder / "predictions.csv")
        (folder / "run.json").write_text(json.dumps(record))
        return folder

    return write


def compare(tmp_path, *runs):
    options = ["--set", f"models_dir={tmp_path / 'models'}", "--set", "evaluation.resamples=100"]
    return main(["compare", *map(str, runs), *options])


def test_a_group_a_member_and_a_file_are_compared(tmp_path, write_run, capsys):
    one, two = write_run("Good", 0.1), write_run("Noisy", 1.0)
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_bytes((two / "one" / "predictions.csv").read_bytes())
    assert compare(tmp_path, "Good", two, one / "two", elsewhere) == 0
    folder = tmp_path / "models" / "comparisons" / "Good-vs-Noisy-vs-two-vs-elsewhere"
    found = json.loads((folder / "compare.json").read_text())
    assert found["runs"] == ["Good", "Noisy", "two", "elsewhere"]
    assert found["differences"]["Noisy"]["auroc"]["mean"]["high"] < 0
    assert len(pd.read_csv(folder / "compare.csv")) == 2 * 3 * 3
    assert (folder / "compare.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "Test part of split ‘patients 70/10/20’, 60 images of 30 patients" in said
    assert found["split"] == "patients 70/10/20"
    assert found["files"]["Noisy"] == {
        "path": "../../Noisy/predictions.csv",
        "hash": hash_of_file(two / "predictions.csv"),
    }
    assert "Noisy - Good:" in said
    assert "independent" in said


def test_files_that_name_no_split_are_said_to_name_none(tmp_path, write_run, capsys):
    files = [tmp_path / f"{name}.csv" for name in ("one", "two")]
    for file, noise in zip(files, (0.1, 0.5), strict=True):
        file.write_bytes((write_run(file.stem, noise) / "predictions.csv").read_bytes())
    assert compare(tmp_path, *files, "--name", "unnamed") == 0
    assert "Test part of a split that no run names, 60 images" in capsys.readouterr().out


def test_one_group_is_compared_with_its_members(tmp_path, write_run, capsys):
    write_run("Good", 0.5)
    assert compare(tmp_path, "Good", "--name", "inside") == 0
    found = json.loads((tmp_path / "models" / "comparisons" / "inside" / "compare.json").read_text())
    assert found["runs"] == ["average of Good", "one", "two"]
    assert "one - average of Good:" in capsys.readouterr().out


def test_what_cannot_be_compared_is_one_sentence(tmp_path, write_run, capsys):
    folder = write_run("Good", 0.1)
    alone = write_run("Alone", 0.1, members=("one",))

    def refused(*runs):
        assert compare(tmp_path, *runs) == 2
        told = capsys.readouterr().err
        assert "Traceback" not in told
        assert len(told.splitlines()) == 1
        return told

    assert "Godd: is neither a group with predictions (there are: Alone, Good)" in refused("Godd", "Good")
    assert "Alone: is one run without members; name a second run" in refused("Alone")
    assert "Good: is named 2 times" in refused("Good", "Good")
    assert '--name: "lungs" cannot be a group' in refused("Good", "--name", "lungs")
    text = (alone / "predictions.csv").read_text().splitlines()
    (alone / "one" / "predictions.csv").write_text("\n".join(text[:-1]))
    assert "is not that of Good" in refused("Good", alone / "one")
    (folder / "predictions.csv").write_text("\n".join(text))
    assert "is not the file that the run wrote" in refused("Good", "Alone")


def test_members_of_folds_are_taken_together(tmp_path, write_run):
    folder = write_run("Folds", 0.5, members=("one-f0", "one-f1", "two-f0", "two-f1"))
    record = json.loads((folder / "run.json").read_text())
    for member in record["members"]:
        member["fold"] = member["name"][-1]
        file = folder / member["name"] / "predictions.csv"
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        number = table["patient_id"].str[1:].astype(int)
        table["split"] = np.where(number % 2 == int(member["fold"]), "test", "val")
        table.to_csv(file, index=False)
    table = pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)
    table.assign(split="test").to_csv(folder / "predictions.csv", index=False)
    record["predictions_hash"] = hash_of_file(folder / "predictions.csv")
    (folder / "run.json").write_text(json.dumps(record))
    assert compare(tmp_path, "Folds", "--name", "folds") == 0
    found = json.loads((tmp_path / "models" / "comparisons" / "folds" / "compare.json").read_text())
    assert found["runs"] == ["average of Folds", "one", "two"]
    assert found["images"] == 80
