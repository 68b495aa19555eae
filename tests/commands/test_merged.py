"""NIH's and CheXpert's layouts merged, trained, cross-validated and described through the commands themselves."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from cxr.__main__ import main
from cxr.config.record import hash_of_ids
from cxr.evaluation.fitted import read_fitted
from cxr.evaluation.predictions import read_predictions
from cxr.phantoms.dataset.folder import write_phantoms
from cxr.phantoms.spec import PhantomSpec

MEMBER = {"network": "tiny", "image_px": 32}
PARAMS = {
    "seed": 5,
    "findings": {"set": "merged6", "uncertain": {"default": "ignore", "Edema": "ones", "Effusion": [0.6, 0.9]}},
    "split": {"scheme": "kfold", "folds": 2, "val": 0.3},
    "crop": {"mode": "none", "image_px": 32},
    "members": {"tiny": MEMBER},
    "groups": {"Tiny": ["tiny"]},
    "training": {"epochs": 1, "batch": 8, "balance": {"no_finding": 0.5, "repeat": {"Pneumonia": 2}}},
    "evaluation": {"resamples": 100},
    "heatmaps": {"images_per_finding": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both data sets, and settings and parameters that merge them."""
    folder = tmp_path_factory.mktemp("merged")
    for layout, seed in (("nih", 11), ("chexpert", 14)):
        write_phantoms(folder / layout, PhantomSpec(patients=30, seed=seed, image_px=64), workers=2, layout=layout)
    datasets = [{"format": layout, "root": layout} for layout in ("nih", "chexpert")]
    settings = {"datasets": datasets, "prepared_dir": "prepared", "models_dir": "models"}
    (folder / "SETTINGS.json").write_text(json.dumps(settings))
    (folder / "PARAMS.json").write_text(json.dumps(PARAMS))
    return folder


def run(folder, *step):
    files = ["--settings", str(folder / "SETTINGS.json"), "--params", str(folder / "PARAMS.json")]
    assert main([*step, *files]) == 0


@pytest.fixture(scope="module")
def finished(folder):
    for step in (["prepare"], ["train", "Tiny"], ["evaluate", "Tiny"], ["visualize", "Tiny"], ["report", "Tiny"]):
        run(folder, *step)
    run(folder, "describe")
    return folder


def test_every_row_of_both_is_used_or_rejected(finished):
    [prepared] = (finished / "prepared").glob("nih+chexpert-*")
    manifest, rejected = (pd.read_csv(prepared / f"{name}.csv", dtype=str) for name in ("manifest", "rejected"))
    rows = 0
    for table in (
        "nih/Data_Entry_2017.csv",
        *(f"chexpert/CheXpert-v1.0-small/{part}.csv" for part in ("train", "valid")),
    ):
        with (finished / table).open(newline="") as stream:
            rows += len(list(csv.reader(stream))) - 1
    assert len(manifest) + len(rejected) == rows
    assert set(rejected["reason"]) == {"is a lateral view"}
    assert {patient.partition(":")[0] for patient in manifest["patient_id"]} == {"nih", "chexpert"}


def test_the_whole_test_part_and_a_sample_are_drawn_on_request_with_each_fold_by_its_own(finished, capsys):
    group = finished / "models" / "Tiny"
    for option in (["--sample", "2"], ["--all"]):
        run(finished, "visualize", "Tiny", *option)
        folder = group / "gradcam" / option[0].removeprefix("--")
        said = capsys.readouterr().out
        index = pd.read_csv(folder / "index.csv", dtype=str, keep_default_na=False)
        assert f"{len(index):,} pictures of {index['image_id'].nunique():,} images of the test part written" in said
        assert all((folder / file).is_file() for file in index["file"])
        assert f"unchanged: {group / 'gradcam'}" in said  # the highest-scored, once drawn
        run(finished, "visualize", "Tiny", *option)
        assert f"unchanged: {folder}" in capsys.readouterr().out
    assert set(index["image_id"]) == set(read_predictions(group / "predictions.csv").image_ids)
    assert index["threshold"].nunique() > 1
    assert (index["calibrated"] != "").all()
    page = (group / "gradcam" / "gallery.html").read_text(encoding="utf-8")
    assert f'"all/{index["file"][0]}"' in page


def test_calibration_and_thresholds_are_of_each_fold_and_subgroups_of_the_manifest(finished, capsys):
    group = finished / "models" / "Tiny"
    fitted = read_fitted(group)
    assert list(fitted.calibration.fits) == list(fitted.thresholds.fits) == ["0", "1"]
    for fold, fit in fitted.calibration.fits.items():
        val = read_predictions(group / f"predictions-f{fold}.csv").part("val")
        assert (fit.images, fit.images_hash) == (len(val.image_ids), hash_of_ids(val.image_ids))
    metrics = json.loads((group / "metrics.json").read_text())
    assert {"sex", "age", "source"} <= set(metrics["subgroups"]["attributes"])
    capsys.readouterr()
    run(finished, "evaluate", "Tiny")
    assert "evaluate: unchanged" in capsys.readouterr().out
    for change in ("evaluation.calibration=isotonic", 'evaluation.operating_point={"name": "max_f1"}'):
        run(finished, "evaluate", "Tiny", "--set", change)
        assert "evaluate: written" in capsys.readouterr().out
    (group / "thresholds.json").unlink()
    run(finished, "evaluate", "Tiny")
    assert read_fitted(group) == fitted


def test_one_command_gives_out_of_fold_numbers_with_intervals(finished):
    group = finished / "models" / "Tiny"
    metrics = json.loads((group / "metrics.json").read_text())
    assert list(metrics["folds"]) == ["0", "1"]
    assert metrics["auroc"]["mean"]["low"] < metrics["auroc"]["mean"]["value"] < metrics["auroc"]["mean"]["high"]
    assert set(metrics["auroc"]) - {"mean"} == {
        "Consolidation", "Pneumothorax", "Edema", "Effusion", "Pneumonia", "Cardiomegaly",
    }  # fmt: skip
    predictions = read_predictions(group / "predictions.csv")
    assert set(predictions.splits) == {"test"}
    assert predictions.uncertain_counts.sum() > 0  # CheXpert's -1 stay what they are
    report = (group / "report.html").read_text(encoding="utf-8")
    assert "Each fold by itself" in report
    assert "1 member on each of 2 folds" in report
    assert "AUROC, val <span" not in report  # each image's number is out of fold: no part chose the epochs of all
    assert "it chose the epochs" not in report
    assert len(list((group / "gradcam").glob("*-01-*.png"))) == 6


def test_blanks_are_zero_or_unknown_as_the_settings_say(finished, capsys):
    counts = {}
    for blank in ("zero", "unknown"):
        option = ["--set", f"datasets.1.blank={blank}", "--set", "split.scheme=patients"]
        run(finished, "prepare", *option)
        run(finished, "describe", *option)
        [page] = (finished / "prepared").glob("nih+chexpert-*/describe.json")
        parts = json.loads(page.read_text())["parts"].values()
        counts[blank] = sum(part["findings"]["Edema"]["unknown"] for part in parts)
    assert counts["zero"] == 0
    assert counts["unknown"] > 10


def test_another_split_of_the_same_data_is_refused_until_it_is_trained(finished, capsys):
    files = ["--settings", str(finished / "SETTINGS.json"), "--params", str(finished / "PARAMS.json")]
    assert main(["evaluate", "Tiny", *files, "--set", "split.scheme=patients"]) == 2
    assert "holds a run with other parameters (scheme.scheme: kfold there, patients now)" in capsys.readouterr().err


def test_other_views_are_predicted_again_without_training(finished, capsys):
    group = finished / "models" / "Tiny"
    files = ["--settings", str(finished / "SETTINGS.json"), "--params", str(finished / "PARAMS.json")]
    files += ["--set", "members.tiny.views=flip"]
    models = {path: path.stat().st_mtime_ns for path in group.glob("*/model.keras")}
    before = read_predictions(group / "predictions.csv")
    for step in ("evaluate", "visualize"):
        assert main([step, "Tiny", *files]) == 2
        assert "(tiny-f0.views: one there, flip now; tiny-f1.views: one there, flip now)" in capsys.readouterr().err
    for step in ("train", "evaluate", "visualize", "report"):
        assert main([step, "Tiny", *files]) == 0
    assert {path: path.stat().st_mtime_ns for path in group.glob("*/model.keras")} == models
    after = read_predictions(group / "predictions.csv")
    assert list(after.image_ids) == list(before.image_ids)
    assert np.abs(after.probabilities - before.probabilities).max() > 1e-4
    assert "over several views of an image: flip" in (group / "report.html").read_text(encoding="utf-8")
