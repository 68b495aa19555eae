"""What was measured elsewhere is shown where it is of this very run, and named where it is of another."""

import json
import re
from dataclasses import replace

import numpy as np

from cxr.classification.compared import origins
from cxr.config.evaluation import Evaluation
from cxr.config.record import hash_of_file
from cxr.evaluation.comparison import compare_runs
from cxr.evaluation.fitted import CALIBRATION, read_fitted
from cxr.evaluation.mean_auroc import LEVEL
from cxr.evaluation.metrics import measure, write_metrics
from cxr.evaluation.origin import origin_of
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.evaluation.relabelled import compare_labels, relabel
from cxr.reporting.elsewhere import compared, read_elsewhere
from cxr.reporting.report import write_report
from cxr.reporting.run_files import read_run

TWO = ("Edema", "Mass")
PICTURES = ("forest", "roc", "precision-recall", "reliability", "training")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def add_external(folder, name="clinic"):
    target = folder / "external" / name
    rows = read_predictions(folder / "predictions.csv").part("test").of_findings(TWO)
    write_predictions(target / "predictions.csv", rows)
    metrics = measure(
        rows, {"name": f"{name}, all test", "hash": "e" * 64}, Evaluation(resamples=100), 0, None, read_fitted(folder)
    )
    write_metrics(target / "metrics.json", metrics | {"origin": origin_of(folder)})
    record = {"predictions_hash": hash_of_file(target / "predictions.csv"), "not_labelled": ["Hernia"]}
    write(target / "run.json", record | {"left_out": {"images": 3, "patients": 2}})
    return metrics


def add_relabelled(folder):
    rows = read_predictions(folder / "predictions.csv")
    codes = np.where(np.arange(len(rows.image_ids))[:, None] % 5, rows.label_codes[:, :1], 1 - rows.label_codes[:, :1])
    both = relabel(rows, rows.image_ids, ["edema"], codes)
    split = {"name": "images of radiologists.csv", "hash": "f" * 64}
    target = folder / "relabelled" / "radiologists"
    content = {"findings": compare_labels(both, 100, 0, LEVEL), "without": list(both.without)}
    write(target / "relabelled.json", content | {"origin": origin_of(folder)})
    write_metrics(
        target / "metrics.json", measure(both.relabelled, split, Evaluation(resamples=100), fitted=read_fitted(folder))
    )
    return content


def add_comparison(folder, place, stem="compare"):
    """The run against a twin with other probabilities, both of which lie in the models' folder."""
    rows = read_predictions(folder / "predictions.csv")
    other = folder.parent / "Twin" / "predictions.csv"
    write_predictions(other, replace(rows, probabilities=rows.probabilities**2))
    found = compare_runs({"Ensemble": rows, "Twin": read_predictions(other)}, 100, 0, split="official (subset)")
    target = folder.parent / place
    files = {"Ensemble": folder / "predictions.csv", "Twin": other}
    write(target / f"{stem}.json", found | {"files": origins(files, target)})
    return target / f"{stem}.json"


def change(path, **more):
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def test_results_of_this_run_are_read(make_run):
    folder = make_run(overlays=False)
    metrics, content = add_external(folder), add_relabelled(folder)
    add_comparison(folder, "comparisons/twins")
    add_comparison(folder, "ablations/crop/Ensemble/lungs", "test")
    found = read_elsewhere(read_run(folder))
    assert found.outdated == []
    (external,) = found.external
    for finding in TWO:
        row = external["rows"][finding]["auroc"]
        assert row["external"]["value"] == metrics["auroc"][finding]["value"]
        assert row["own"]["value"] == json.loads((folder / "metrics.json").read_text())["auroc"][finding]["value"]
    assert (external["name"], external["left_out"]["patients"]) == ("clinic", 2)
    assert found.relabelled[0]["content"]["findings"] == content["findings"]
    assert [one["name"] for one in found.comparisons] == ["twins"]
    assert [one["name"] for one in found.ablations] == ["Lungs hidden, test"]
    assert [key for key, _ in compared(found)] == ["comparison-0", "ablation-0"]


def test_results_of_another_run_are_named_and_not_shown(make_run):
    folder = make_run(overlays=False)
    add_external(folder)
    add_external(folder, "changed")
    with (folder / "external" / "changed" / "predictions.csv").open("a") as stream:
        stream.write("\n")
    add_relabelled(folder)
    (folder / "external" / "broken").mkdir()
    (folder / "external" / "broken" / "metrics.json").write_text("{")
    calibration = folder / CALIBRATION
    calibration.write_text(calibration.read_text() + "\n")  # fitted again
    outdated = add_comparison(folder, "comparisons/old")
    files = json.loads(outdated.read_text())["files"]
    change(outdated, files=files | {"Ensemble": files["Ensemble"] | {"hash": "0" * 64}})
    early = add_comparison(folder, "comparisons/without-hashes")
    early.write_text(json.dumps({key: one for key, one in json.loads(early.read_text()).items() if key != "files"}))
    found = read_elsewhere(read_run(folder))
    assert found.external == found.relabelled == found.comparisons == []
    assert found.outdated == [
        *(f"external/{name}/metrics.json" for name in ("broken", "changed", "clinic")),
        "relabelled/radiologists/relabelled.json",
        *(f"comparisons/{name}/compare.json" for name in ("old", "without-hashes")),
    ]


def test_a_comparison_of_others_is_no_concern_of_this_run(make_run):
    folder = make_run(overlays=False)
    path = add_comparison(folder, "comparisons/others")
    files = json.loads(path.read_text())["files"]
    change(path, files={"Twin": files["Twin"]})
    found = read_elsewhere(read_run(folder))
    assert found.comparisons == found.outdated == []


def test_a_run_that_changed_since_makes_its_comparison_outdated(make_run):
    folder = make_run(overlays=False)
    add_comparison(folder, "comparisons/twins")
    twin = folder.parent / "Twin" / "predictions.csv"
    twin.write_text(twin.read_text() + "\n")
    assert read_elsewhere(read_run(folder)).outdated == ["comparisons/twins/compare.json"]


def test_the_page_shows_both_columns_and_the_split_of_each(make_run, monkeypatch):
    monkeypatch.setattr("cxr.reporting.report.draw_figures", lambda run, elsewhere: dict.fromkeys(PICTURES, "data:,"))
    folder = make_run(overlays=False)
    metrics = add_external(folder)
    add_relabelled(folder)
    add_comparison(folder, "comparisons/twins")
    add_comparison(folder, "ablations/crop/Ensemble", "val")
    change(
        add_comparison(folder, "comparisons/old"),
        files={"Ensemble": {"path": "../../Ensemble/predictions.csv", "hash": ""}},
    )
    page = write_report(folder).read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for expected in (
        "test part of split ‘clinic, all test’ (80 images, 40 patients)",
        "Not labelled there and left out: Hernia",
        "3 images of 2 patients left out",
        "Under other labels, test part",
        "Test part of split ‘official (subset)’ (80 images of 40 patients",
        "Crops, validation",
        "On clinic: Mean AUROC",
        "Not shown, because they are of other predictions or fits than this page: comparisons/old/compare.json",
    ):
        assert expected in words
    assert f"{metrics['auroc']['Mass']['value']:.3f}" in words
