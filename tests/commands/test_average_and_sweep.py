"""Several seeds, an average of finished models, and a sweep, through the commands themselves on a few phantoms."""

import json

import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.evaluation.predictions import read_predictions
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec

PARAMS = {
    "seed": 5,
    "findings": {"set": ["Cardiomegaly", "Effusion", "Edema"]},
    "split": {"scheme": "patients", "val": 0.25, "test": 0.25},
    "crop": {"mode": "none", "image_px": 32},
    "members": {"tiny": {"network": "tiny", "image_px": 16, "seeds": 2}, "other": {"network": "tiny", "image_px": 16}},
    "groups": {"Tiny": ["tiny"], "Other": ["other"]},
    "training": {"epochs": 1, "batch": 16},
    "evaluation": {"resamples": 100},
    "heatmaps": {"images_per_finding": 1},
}
RATES = "training.optimizer.learning_rate=[0.001,0.01]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    write_phantoms(folder / "nih", PhantomSpec(patients=30, seed=11, image_px=64), workers=1)
    settings = {"datasets": [{"format": "nih", "root": "nih"}], "prepared_dir": "prepared", "models_dir": "models"}
    (folder / "SETTINGS.json").write_text(json.dumps(settings | {"engine": "keras"}))
    (folder / "PARAMS.json").write_text(json.dumps(PARAMS))
    assert run(folder, "prepare") == 0
    return folder


def run(folder, *step):
    files = ["--settings", str(folder / "SETTINGS.json"), "--params", str(folder / "PARAMS.json")]
    return main([*step, *files])


@pytest.fixture(scope="module")
def trained(folder):
    for step in ("train", "evaluate", "visualize", "report"):
        assert run(folder, step, "Tiny") == 0
    return folder / "models" / "Tiny"


def test_the_seeds_are_in_metrics_table_and_report(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert list(metrics["members"]) == ["tiny-s0", "tiny-s1"]
    spread = metrics["seeds"]["tiny"]["test"]
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert "tiny, mean of 2 seeds" in page
    assert f"{spread['mean']:.3f}, SD {spread['sd']:.3f}" in page
    assert len(pd.read_csv(trained / "members.csv")) == 6


def test_an_average_is_evaluated_shown_and_reported_like_a_group(folder, trained, capsys):
    assert run(folder, "average", "Again", str(trained)) == 0
    assert "average: Again: 2 models" in capsys.readouterr().out
    for step in ("evaluate", "visualize", "report"):
        assert run(folder, step, "Again") == 0
    again = folder / "models" / "Again"
    assert (again / "predictions.csv").read_bytes() == (trained / "predictions.csv").read_bytes()
    values = [json.loads((one / "metrics.json").read_text())["auroc"] for one in (again, trained)]
    assert values[0] == values[1]
    assert "not trained here" not in (again / "report.html").read_text(encoding="utf-8").lower()
    assert len(pd.read_csv(again / "gradcam" / "index.csv")) == 3
    assert run(folder, "average", "Again", str(trained)) == 0
    assert f"average: unchanged: {again}" in capsys.readouterr().out
    (again / "predictions.csv").write_text("")
    assert run(folder, "evaluate", "Again") == 2
    assert "./cxr average Again predicts again" in capsys.readouterr().err
    assert run(folder, "evaluate", "Agian") == 2
    assert 'did you mean "Again"? Allowed: Tiny, Other, Again' in capsys.readouterr().err


def test_a_model_from_elsewhere_is_marked(folder, trained, tmp_path, capsys):
    chest = tmp_path / "chest"
    chest.mkdir()
    (chest / "model.keras").write_bytes((trained / "tiny-s0" / "model.keras").read_bytes())
    run_record = json.loads((trained / "tiny-s0" / "run.json").read_text())
    kept = {key: run_record[key] for key in ("finished", "findings", "network", "image_px", "parameters")}
    (chest / "run.json").write_text(json.dumps(kept))
    assert run(folder, "average", "Chest", str(chest)) == 0
    told = "chest was not trained here; whether it has seen images of the test part is not known"
    assert told in capsys.readouterr().out
    for step in ("evaluate", "report"):
        assert run(folder, step, "Chest") == 0
    assert "Not trained here: chest." in (folder / "models" / "Chest" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Tiny", '"Tiny" is a group of PARAMS.json, which ./cxr train makes; choose another name'),
        ("sweeps", '"sweeps" cannot be a group: models/ keeps other results under that name'),
        ("a/b", '"a/b" is no name'),
    ],
)
def test_names_that_an_average_cannot_have_are_one_sentence(folder, name, said, capsys):
    assert run(folder, "average", name, "nowhere") == 2
    assert said in capsys.readouterr().err


def test_a_sweep_leaves_one_table_and_goes_on_where_it_stopped(folder, capsys):
    assert run(folder, "sweep", "Other", "--over", RATES, "--random", "1") == 0
    place = folder / "models" / "sweeps" / "Other"
    [first] = pd.read_csv(place / "sweep.csv")["point"]
    before = (place / first / "other" / "model.keras").stat().st_mtime_ns
    assert run(folder, "sweep", "Other", "--over", RATES) == 0
    table = pd.read_csv(place / "sweep.csv")
    assert sorted(table["training.optimizer.learning_rate"]) == [0.001, 0.01]
    assert list(table["auroc"]) == sorted(table["auroc"], reverse=True)
    assert (place / first / "other" / "model.keras").stat().st_mtime_ns == before
    for point in table["point"]:
        assert set(read_predictions(place / point / "predictions.csv").splits) == {"val"}
    best = place / table["point"][0]
    assert f"./cxr average NAME {best} makes the first a group" in capsys.readouterr().out
    assert run(folder, "average", "Best", str(best)) == 0
    predictions = read_predictions(folder / "models" / "Best" / "predictions.csv")
    assert set(predictions.splits) == {"val", "test"}


def test_all_points_are_checked_before_any_runs(folder, capsys):
    over = ["--over", "members.other.dropout=[0.2,1.5,7]", "--over", "training.bach=[4]", "--name", "Wrong"]
    assert run(folder, "sweep", "Other", *over) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert [part for part in ("1.5", "7", 'did you mean "batch"') if any(part in line for line in lines)] == [
        *("1.5", "7", 'did you mean "batch"')
    ]
    assert not (folder / "models" / "sweeps" / "Wrong").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--over", "seed=[1,2]"], "--over seed: cannot be swept: it deals the split anew"),
        (["--over", RATES, "--set", "split.scheme=kfold"], 'split.scheme "kfold" tests every image in some fold'),
        (["--over", RATES, "--set", "split.scheme=test"], 'split.scheme "test" has no image to train on'),
        (["--over", RATES, "--name", "lungs"], '--name: "lungs" cannot be a group'),
    ],
)
def test_sweeps_that_cannot_be_are_one_sentence(folder, options, said, capsys):
    assert run(folder, "sweep", "Other", *options) == 2
    assert said in capsys.readouterr().err


def test_heatmaps_asked_for_otherwise_are_made_again_and_what_cannot_be_is_one_sentence(folder, trained, capsys):
    other = ("visualize", "Tiny", "--set", "heatmaps.method=cam", "--set", "heatmaps.group=best")
    for said in ("3 pictures of 3 images of the test part written", "unchanged"):
        assert run(folder, *other) == 0
        assert said in capsys.readouterr().out
    assert run(folder, "visualize", "Tiny", "--set", "heatmaps.method=attention") == 2
    assert 'tiny-s0: heatmaps.method: "attention" needs a network with spatial' in capsys.readouterr().err
    assert run(folder, "visualize", "Tiny") == 0
    assert "3 pictures of 3 images of the test part written" in capsys.readouterr().out
