"""`./cxr score`: a CSV made elsewhere against NIH's table or any other, with the mistakes that such files have."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr.__main__ import main
from cxr.config.findings import NIH14
from cxr.evaluation.fitted import read_fitted

SPELT = {"Effusion": "Pleural Effusion", "Pleural_Thickening": "pleural thickening"}
"""As others spell them."""
IMAGES = 120


@pytest.fixture
def nih(tmp_path):
    """Data_Entry.csv of 60 patients with two images each, and predictions of all: (folder, labels (N, 14), table)."""
    random = np.random.default_rng(0)
    labels = random.random((IMAGES, 14)) < 0.3
    names = [f"{row // 2 + 1:08d}_{row % 2:03d}" for row in range(IMAGES)]
    lines = ["Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"]
    for row, name in enumerate(names):
        found = "|".join(np.array(NIH14)[labels[row]]) or "No Finding"
        lines.append(f"{name}.png,{found},{row % 2},{row // 2 + 1},50,{'MF'[row % 2]},PA")
    (tmp_path / "Data_Entry.csv").write_text("\n".join(lines))
    scores = np.clip(0.4 + 0.2 * labels + 0.2 * random.normal(size=labels.shape), 0, 1)
    table = pd.DataFrame(scores, columns=[SPELT.get(finding, finding) for finding in NIH14])
    table = table[table.columns[::-1]]  # in another order than NIH's
    table.insert(0, "Image", names)
    (tmp_path / "test.txt").write_text("\n".join(f"{name}.png" for name in names[40:]))  # no final newline
    (tmp_path / "val.txt").write_text("\n".join(names[:40]) + "\n")
    return tmp_path, labels, table.iloc[random.permutation(IMAGES)]


def score(folder, table, *more):
    if table is not None:
        table.to_csv(folder / "mine.csv", index=False)
    options = ["--labels", str(folder / "Data_Entry.csv"), "--out", str(folder / "out")]
    fast = ["--set", "evaluation.resamples=100"]
    return main(["score", str(folder / "mine.csv"), *options, *fast, *map(str, more)])


def test_a_csv_with_nih_names_is_scored_in_one_command(nih, capsys):
    folder, labels, table = nih
    assert score(folder, table, "--list", folder / "test.txt", "--val-list", folder / "val.txt") == 0
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    by_name = table.set_index("Image").sort_index()
    for k, finding in enumerate(NIH14):
        expected = roc_auc_score(labels[40:, k], by_name[SPELT.get(finding, finding)].to_numpy()[40:])
        assert metrics["auroc"][finding]["value"] == pytest.approx(expected, abs=1e-12)
    assert (metrics["images"], metrics["patients"]) == (80, 40)
    assert metrics["split"]["name"] == "list test.txt"
    assert metrics["split"]["parts"]["val"]["patients"] == 20
    assert metrics["auroc"]["mean"]["low"] < metrics["auroc"]["mean"]["value"]
    assert set(metrics["subgroups"]["attributes"]) >= {"sex", "follow_up"}
    assert read_fitted(folder / "out").thresholds.fits[""].findings["Effusion"].threshold is not None
    assert "split 'list test.txt'" in capsys.readouterr().out
    options = ["--set", f"models_dir={folder}", "--set", "evaluation.resamples=100"]
    made = str(folder / "out" / "predictions.csv")
    assert main(["compare", made, str(folder / "out"), "--name", "x", *options]) == 0  # what is written is a run


def test_without_validation_images_there_are_no_thresholds_and_the_reason_is_said(nih, capsys):
    folder, _, table = nih
    assert score(folder, table) == 0
    assert "no validation images (--val-list): no calibration" in capsys.readouterr().out
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    entry = metrics["operating_point"]["findings"]["Mass"]["sensitivity"]
    assert entry["value"] is None
    assert "no threshold" in entry["reason"]
    assert metrics["split"]["name"] == "all images given"
    assert metrics["at_half"]["findings"]["Mass"]["sensitivity"]["value"] is not None


def test_one_patient_has_numbers_and_the_reason_for_no_interval(nih, capsys):
    folder, _, table = nih
    labels = pd.read_csv(folder / "Data_Entry.csv")
    labels.assign(**{"Patient ID": 1}).to_csv(folder / "Data_Entry.csv", index=False)
    assert score(folder, table) == 0
    said = capsys.readouterr().out
    assert f"test {IMAGES} images of 1 patient, val 0 images of 0 patients" in said
    assert "(one patient in test: no interval) over 14 findings" in said


def test_the_official_test_list_is_told_by_its_hash(nih, monkeypatch):
    from cxr.classification import foreign
    from cxr.config.record import hash_of_ids

    folder, _, table = nih
    names = (folder / "test.txt").read_text().split()
    monkeypatch.setitem(foreign.OFFICIAL, "test", (80, hash_of_ids(names)))
    for rows, expected in ((table, "official"), (table[table["Image"] != names[0][:-4]], "official (subset)")):
        assert score(folder, rows, "--list", folder / "test.txt") == 0
        assert json.loads((folder / "out" / "metrics.json").read_text())["split"]["name"] == expected


def test_any_table_of_labels_serves_and_findings_may_be_chosen(nih):
    folder, labels, table = nih
    mine = pd.DataFrame(labels[:, :2].astype(int), columns=["atelectasis", "Cardiomegaly"]).astype(str)
    mine.insert(0, "patient_id", [f"p{row // 2}" for row in range(IMAGES)])
    mine.insert(0, "image_id", sorted(table["Image"]))
    mine.loc[0, "Cardiomegaly"], mine.loc[1, "Cardiomegaly"] = "-1", ""
    mine.to_csv(folder / "Data_Entry.csv", index=False)
    assert score(folder, table, "--findings", "Cardiomegaly") == 0
    entry = json.loads((folder / "out" / "metrics.json").read_text())["auroc"]["Cardiomegaly"]
    assert (entry["uncertain"], entry["unknown"]) == (1, 1)


def changed(table, column, value):
    table = table.copy().astype({column: object})
    table.iloc[3, table.columns.get_loc(column)] = value
    return table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: changed(t, "Mass", 1.5), "line 5, column 'Mass': 1.5 is no probability in [0, 1]"),
        (lambda t: changed(t, "Mass", "nan"), "line 5, column 'Mass': nan is no probability"),
        (lambda t: changed(t, "Mass", ""), "line 5, column 'Mass': '' is no probability"),
        (lambda t: changed(t, "Image", t["Image"].iloc[0] + ".png"), "line 5: image '"),
        (lambda t: changed(t, "Image", "00099999_000.png"), "line 5: image '00099999_000.png' is not in"),
        (lambda t: changed(t, "Image", ""), "line 5: column 'Image' is empty"),
        (lambda t: t.drop(columns="Hernia"), "14 findings expected and 13 found: no column for Hernia; name those"),
        (lambda t: t.rename(columns={"Hernia": "Hernai"}), 'did you mean "Hernai"'),
        (lambda t: t.assign(effusion=0.1), "columns 'Pleural Effusion' and 'effusion' both spell Effusion"),
        (lambda t: t.iloc[:0], "holds no predictions"),
        (lambda t: t.drop(columns="Image"), "has no column of image names"),
    ],
)
def test_bad_predictions_are_one_sentence(nih, change, said, capsys):
    folder, _, table = nih
    assert score(folder, change(table)) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image_id,Mass\n00000001_000,1\n", "has no column patient_id"),
        ("image_id,patient_id\n00000001_000,1\n", "has no labels"),
        ("image_id,patient_id,Mass\n00000001_000,1,yes\n", "row 1, column 'Mass': found 'yes'"),
        ("image_id,patient_id,Mass\n00000001_000,1,1\n00000001_000,1,1\n", "row 2: image '00000001_000' appears again"),
        ("patient_id,Mass\n1,1\n", "has no column of images"),
        ("image_id,patient_id,Mass\n00000001_000,1\n", "row 1: has 2 cells"),
        ("image_id,patient_id,Mass\n", "holds no image"),
        ("", "has no column of images"),
    ],
)
def test_bad_labels_are_one_sentence(nih, text, said, capsys):
    folder, _, table = nih
    (folder / "Data_Entry.csv").write_text(text)
    assert score(folder, table, "--findings", "Mass") == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_bad_lists_are_one_sentence(nih, capsys):
    folder, _, table = nih
    test, val = folder / "test.txt", folder / "val.txt"
    for text, said in [
        (test.read_text(), "which " + str(test) + " lists too"),
        ("00000021_000.png\n", "image '00000021_000.png', which"),
        ("\n", "is empty"),
        ("other.png", "names none of the 120 images"),
    ]:
        val.write_text(text)
        assert score(folder, table, "--list", test, "--val-list", val) == 2
        assert said in capsys.readouterr().err
    val.write_text("00000001_000")
    (folder / "short.txt").write_text("00000001_001")
    assert score(folder, table, "--list", folder / "short.txt", "--val-list", val) == 2
    assert "patient '1' is in" in capsys.readouterr().err
    assert score(folder, table, "--list", folder / "none.txt") == 2
    assert "cannot be read as a list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [(lambda n: np.full(n, 0.5), None), (None, lambda n: np.zeros(n, int)), (None, lambda n: np.ones(n, int))],
    ids=["constant", "no positives", "all positives"],
)
def test_samples_that_say_little_are_measured_with_reasons(tmp_path, probabilities, labels):
    random, n = np.random.default_rng(1), 40
    names = [f"{row:03d}" for row in range(n)]
    truth = labels(n) if labels else (random.random(n) < 0.5).astype(int)
    pd.DataFrame({"image_id": names, "patient_id": names, "Mass": truth}).to_csv(
        tmp_path / "Data_Entry.csv", index=False
    )
    given = probabilities(n) if probabilities else random.random(n)
    assert score(tmp_path, pd.DataFrame({"image_id": names, "Mass": given})) == 0
    entry = json.loads((tmp_path / "out" / "metrics.json").read_text())["auroc"]["Mass"]
    assert entry["value"] == (0.5 if probabilities else None)
    assert entry["reason"]


def test_one_patient_only_has_no_interval(tmp_path):
    names = [f"{row:03d}" for row in range(10)]
    table = pd.DataFrame({"image_id": names, "patient_id": "one", "Mass": [0, 1] * 5})
    table.to_csv(tmp_path / "Data_Entry.csv", index=False)
    assert score(tmp_path, pd.DataFrame({"image_id": names, "Mass": np.linspace(0, 1, 10)})) == 0
    entry = json.loads((tmp_path / "out" / "metrics.json").read_text())["auroc"]["Mass"]
    assert (entry["low"], entry["reason"]) == (None, "one patient in test: no interval")
