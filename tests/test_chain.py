"""The whole chain through the real shell scripts: phantoms with `tiny`, and real X-rays where there are some."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr.config.findings import NIH14

ROOT = Path(__file__).parents[1]
MEMBERS = ["tiny_96", "tiny_64"]


def run_script(script, *arguments):
    return subprocess.run(
        ["sh", str(ROOT / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"CXR_PYTHON": sys.executable},
    )


def write_configuration(folder, datasets, lung_masks=None, **params):
    """Write SETTINGS.json and PARAMS.json into the folder: the project's own with two tiny members in both groups."""
    settings = json.loads((ROOT / "SETTINGS.json").read_text()) | {"datasets": datasets}
    if lung_masks:
        settings["lung_masks"] = lung_masks
    own = json.loads((ROOT / "PARAMS.json").read_text()) | params
    own["members"] = {
        "tiny_96": {"network": "tiny", "image_px": 96},
        "tiny_64": {"network": "tiny", "image_px": 64, "normalization": "per_image", "training": {"batch": 8}},
    }
    own["groups"] = {"Ensemble": MEMBERS, "Efficientnet": MEMBERS[:1]}
    (folder / "SETTINGS.json").write_text(json.dumps(settings))
    (folder / "PARAMS.json").write_text(json.dumps(own))
    return ["--settings", folder / "SETTINGS.json", "--params", folder / "PARAMS.json"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and options of one finished smoke run of train_Ensemble.sh, and what it printed."""
    folder = tmp_path_factory.mktemp("chain")
    options = [*write_configuration(folder, [{"format": "phantom", "patients": 300, "seed": 7}]), "--smoke"]
    result = run_script("train_Ensemble.sh", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, options, result


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_chain_leaves_everything_the_readme_promises(finished):
    folder, _, result = finished
    group = folder / "models" / "smoke" / "Ensemble"
    for name in ("metrics.json", "predictions.csv", "report.html", "run.json", "figures/roc.png", "gradcam/index.csv"):
        assert (group / name).is_file(), name
    for member in MEMBERS:
        for name in ("model.keras", "run.json", "history.csv", "predictions.csv"):
            assert (group / member / name).is_file(), (member, name)
        assert any((group / member / "tensorboard").iterdir())
    index = read_rows(group / "gradcam" / "index.csv")
    assert {row["finding"] for row in index} == set(NIH14)
    assert all((group / "gradcam" / row["file"]).is_file() for row in index)
    for name in ("boxes.csv", "boxes.json", "localization.json", "localization.csv"):
        assert (group / "localization" / name).is_file(), name
    (prepared,) = (folder / "data" / "prepared").glob("phantom-*")
    for name in ("manifest.csv", "rejected.csv", "crops.npy", "crops.csv", "lungs.npy", "prepared.json", "crops.png"):
        assert (prepared / name).is_file(), name
    assert not list(folder.rglob(".part-*"))
    assert "Traceback" not in result.stderr


def test_a_bundle_answers_files_as_the_group_answered_prepared_images(finished, tmp_path):
    folder, options, _ = finished
    exported = run_script("cxr", "export", "Ensemble", tmp_path / "bundle", *options)
    assert exported.returncode == 0, exported.stderr
    assert "largest difference from Keras" in exported.stdout
    (images,) = (folder / "data" / "prepared" / "phantoms").rglob("images_001")
    out = tmp_path / "out"
    done = run_script("cxr", "predict", tmp_path / "bundle", images, "--out", out)
    assert done.returncode == 0, done.stderr
    answers = {Path(row["image"]).name: row for row in read_rows(out / "predictions.csv")}
    group = read_rows(folder / "models" / "smoke" / "Ensemble" / "predictions.csv")
    for row in group:
        answer = answers[Path(row["image_id"]).name]
        assert answer["status"] == "ok"
        for finding in NIH14:
            assert abs(float(answer[f"{finding}:raw"]) - float(row[finding])) < 1e-4
    assert len(group) > 20


def test_no_patient_is_in_two_parts_and_the_group_is_the_mean_of_its_members(finished):
    folder, _, _ = finished
    group = folder / "models" / "smoke" / "Ensemble"
    rows = read_rows(group / "predictions.csv")
    (split,) = (folder / "data" / "prepared").glob("phantom-*/splits-*.csv")
    part_of = {row["image_id"]: row["split"] for row in read_rows(split)}
    patient_parts = {}
    for image_id, part in part_of.items():
        patient_parts.setdefault(image_id.split("_")[0], set()).add(part)
    assert all(len(parts) == 1 for parts in patient_parts.values())
    assert {row["image_id"]: row["split"] for row in rows} == {i: p for i, p in part_of.items() if p != "train"}
    members = [{row["image_id"]: row for row in read_rows(group / m / "predictions.csv")} for m in MEMBERS]
    for row in rows:
        for finding in NIH14:
            mean = np.mean([float(member[row["image_id"]][finding]) for member in members])
            assert float(row[finding]) == pytest.approx(mean, abs=1e-9)


def test_metrics_and_report_name_split_hash_and_interval(finished):
    folder, _, _ = finished
    group = folder / "models" / "smoke" / "Ensemble"
    metrics = json.loads((group / "metrics.json").read_text())
    report = (group / "report.html").read_text(encoding="utf-8")
    assert metrics["split"]["name"] == "patients 70/10/20"
    mean = metrics["auroc"]["mean"]
    assert mean["low"] <= mean["value"] <= mean["high"]
    for text in (metrics["split"]["name"], metrics["split"]["hash"], f"{mean['value']:.3f}", "not a medical device"):
        assert text in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert "https://" not in report


def test_boxes_are_scored_with_their_controls_and_the_report_shows_them(finished):
    folder, _, _ = finished
    group = folder / "models" / "smoke" / "Ensemble"
    result = json.loads((group / "localization" / "localization.json").read_text())
    test = {row["image_id"] for row in read_rows(group / "predictions.csv") if row["split"] == "test"}
    boxes = read_rows(group / "localization" / "boxes.csv")
    assert {row["image_id"] for row in boxes} <= test
    assert len(boxes) == result["written"]["boxes"] > 0
    assert result["written"]["images"] == len(test)
    assert all(float(row["x"]) + float(row["width"]) <= 320.01 for row in boxes)
    (prepared,) = (folder / "data" / "prepared").glob("phantom-*")
    true = [row for row in read_rows(prepared / "boxes.csv") if row["image_id"] in test]
    assert sum(one["boxes"] for one in result["findings"].values()) == len(true)
    assert result["truth"]["train"]["boxes"] > 0
    for kind in ("own", "swapped", "alike", "random", "average_box", "other_boxes", "ratio"):
        assert set(result["numbers"]["pointing"][kind]) == {"mean", *NIH14}
    assert 0 < result["lungs"]["own"]["mean"]["value"] < 1
    assert result["deletion"]["images"] == 2
    for example in result["examples"]:
        assert (group / "localization" / "examples" / example["file"]).is_file()
    report = (group / "report.html").read_text(encoding="utf-8")
    assert f"{result['numbers']['pointing']['own']['mean']['value']:.3f}" in report
    assert "Most heat in the true box" in report


def test_a_second_run_with_nothing_changed_skips_what_is_done(finished):
    folder, options, _ = finished
    model = folder / "models" / "smoke" / "Ensemble" / "tiny_96" / "model.keras"
    before = model.stat().st_mtime_ns
    result = run_script("train_Ensemble.sh", *options)
    assert result.returncode == 0, result.stderr
    for line in ("prepare: unchanged", "tiny_96 unchanged", "tiny_64 unchanged",
                 "evaluate: unchanged", "visualize: unchanged", "localize: unchanged"):  # fmt: skip
        assert line in result.stdout
    assert model.stat().st_mtime_ns == before


def test_a_run_with_other_parameters_stops_and_says_which(finished):
    _, options, _ = finished
    result = run_script("train_Ensemble.sh", *options, "--set", "training.batch=4")
    assert result.returncode == 2
    assert "training.batch: 16 there, 4 now" in result.stderr
    assert "--overwrite" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("step", ["evaluate", "visualize", "localize"])
@pytest.mark.parametrize("change", ["members.tiny_96.dropout=0.5", 'groups.Ensemble=["tiny_64"]', "crop.mode=mask"])
def test_later_steps_refuse_a_run_of_other_parameters(finished, step, change):
    """Heatmaps of crops that the model never saw, or numbers under the name of another run, would be wrong silently."""
    _, options, _ = finished
    if change.startswith("crop"):
        run_script("cxr", "prepare", *options, "--set", change)
    result = run_script("cxr", step, "Ensemble", *options, "--set", change)
    assert result.returncode == 2, result.stdout
    assert "holds a" in result.stderr
    assert "--overwrite" in result.stderr


def test_results_that_were_damaged_or_deleted_are_made_again(finished):
    folder, options, _ = finished
    group = folder / "models" / "smoke" / "Ensemble"
    (group / "metrics.json").write_text("{")
    next(group.glob("gradcam/Mass-*.png")).unlink()
    for step in (("cxr", "evaluate", "Ensemble"), ("visualization_Ensemble.sh",)):
        result = run_script(*step, *options)
        assert result.returncode == 0, result.stdout + result.stderr
    assert list(group.glob("gradcam/Mass-*.png"))


def test_the_whole_test_part_is_drawn_by_the_script_and_found_in_the_gallery(finished):
    folder, options, _ = finished
    group = folder / "models" / "smoke" / "Ensemble"
    result = run_script("visualization_Ensemble.sh", "--all", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "localize: unchanged" in result.stdout
    assert "report: written" in result.stdout
    drawn = {row["image_id"] for row in read_rows(group / "gradcam" / "all" / "index.csv")}
    assert drawn == {row["image_id"] for row in read_rows(group / "predictions.csv") if row["split"] == "test"}


def test_a_damaged_model_stops_the_run(finished, tmp_path):
    folder, options, _ = finished
    result = run_script("train_Efficientnet.sh", *options)
    assert result.returncode == 0, result.stderr
    group = folder / "models" / "smoke" / "Efficientnet"
    model = group / "tiny_96" / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    (group / "gradcam" / "record.json").unlink()
    result = run_script("visualization_Efficientnet.sh", *options)
    assert result.returncode == 2
    assert str(model) in result.stderr
    assert "Traceback" not in result.stderr


def test_real_x_rays_run_the_same_chain(tmp_path):
    """A reduced form of the run on nih-subset with lungs learnt from real pairs."""
    real = os.environ.get("CXR_REAL_DATA")
    if not real:
        pytest.skip("CXR_REAL_DATA is not set")
    masks = [{"images": f"{real}/lung-masks/images", "masks": f"{real}/lung-masks/masks"}]
    datasets = [{"format": "nih", "root": f"{real}/nih-subset"}]
    options = write_configuration(tmp_path, datasets, masks, split={"scheme": "official", "val": 0.2})
    result = run_script("train_Efficientnet.sh", *options, "--smoke")
    assert result.returncode == 0, result.stderr
    group = tmp_path / "models" / "smoke" / "Efficientnet"
    metrics = json.loads((group / "metrics.json").read_text())
    assert metrics["split"]["name"] == "official (subset)"
    assert set(metrics["auroc"]) == {"mean", *NIH14}
    assert (group / "report.html").is_file()
    assert "0 rejected" in result.stdout
