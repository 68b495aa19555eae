import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxr
from cxr.config.errors import UserError
from cxr.evaluation.members import joined
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.reporting.report import SIZE_LIMIT, TEXT_ALLOWANCE, write_report

SYNTHETIC = "Phantoms: synthetic images; these numbers say nothing about patients"
HEADINGS = (
    *("What was run", "Mean AUROC 0.", "Curves, test part", "Calibration, test part", "Operating points, test part"),
    *("Validation and test side by side", "Per study, test part", "Subgroups, test part"),
    *(
        "Disagreement of the members",
        "Lungs and crops",
        "Published results of the same split",
        "Model card",
        "This run Made",
    ),
)
SMOKE = "Smoke run: a check that the chain works, not a result"


class Reader(HTMLParser):
    """Collects the words, the addresses and the tags left open of a page."""

    def __init__(self):
        super().__init__()
        self.words, self.addresses, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "srcset", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def read(path):
    """(words of the page with single spaces, addresses it asks for)."""
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return re.sub(r"\s+", " ", " ".join(reader.words)), reader.addresses


@pytest.fixture
def no_figures(monkeypatch):
    """Spares drawing, which is most of the work, where only the words are looked at."""
    names = ("forest", "roc", "precision-recall", "reliability", "training")
    pictures = dict.fromkeys(names, "data:image/png;base64,")
    monkeypatch.setattr("cxr.reporting.report.draw_figures", lambda run, elsewhere: pictures)


def test_the_report_is_one_file_that_says_what_was_run(make_run):
    folder = make_run()
    report = write_report(folder)
    assert report == folder / "report.html"
    words, addresses = read(report)
    assert all(address.startswith("data:image/") for address in addresses)
    assert sum(address.startswith("data:image/jpeg") for address in addresses) == 4
    metrics = json.loads((folder / "metrics.json").read_text())
    mean = metrics["auroc"]["mean"]
    assert f"Mean AUROC {mean['value']:.3f}" in words
    assert f"interval {mean['low']:.3f}–{mean['high']:.3f}) over 2 of 3 findings, test part of split" in words
    assert "‘official (subset)’ (80 images, 40 patients), 100 resamples of patients." in words
    independent = next(one["delong"] for one in metrics["auroc"].values() if one.get("delong", {}).get("variance"))
    assert f" {independent['low']:.3f}–{independent['high']:.3f} " in words
    assert "take images for independent: too narrow where patients have several" in words
    places = [words.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    for expected in (
        *("densenet169", "12,664,391", "3 of 5", "0.731", "12 min", "ab12cd34ab12", "no positives in test"),
        *("0.963 on 27 held-out pairs", "7 (1.8 % of images)", "keras 3.15.1", "2026-01-02T03:04:05+00:00"),
        *("0123456789ab", "test part): probability", "Research use only, not a medical device."),
    ):
        assert expected in words
    assert SYNTHETIC not in words
    assert SMOKE not in words
    figures = sorted(path.name for path in (folder / "figures").iterdir())
    assert figures == [
        f"{name}.png" for name in ("forest", "precision-recall", "reliability", "roc", "tradeoff", "training")
    ]
    assert not list(folder.rglob(".part-*"))


def test_phantoms_and_smoke_runs_are_marked(make_run, no_figures):
    folder = make_run(smoke=True)
    record = json.loads((folder / "run.json").read_text())
    record["data"]["synthetic"] = True
    (folder / "run.json").write_text(json.dumps(record))
    words, _ = read(write_report(folder))
    assert SYNTHETIC in words
    assert SMOKE in words


def test_what_is_missing_is_said(make_run, no_figures):
    folder = make_run(overlays=False, commit=None)
    record = json.loads((folder / "run.json").read_text())
    record["data"]["lung_dice"] = record["members"][0]["val_auroc"] = None
    (folder / "run.json").write_text(json.dumps(record))
    for member in ("densenet169", "xception"):
        (folder / member / "history.csv").unlink()
    words, addresses = read(write_report(folder))
    assert "Heatmaps were not made. This makes them: sh visualization_Ensemble.sh" in words
    assert "xception: no training history" in words
    assert "not measured in this run" in words
    assert "Commit not known" in words
    assert not any(address.startswith("data:image/jpeg") for address in addresses)


def test_few_positives_and_missing_predictions_are_marked(make_run, measure_run, no_figures):
    folder = make_run()
    record = json.loads((folder / "run.json").read_text())
    record["split"]["parts"]["test"]["images"] += 3
    (folder / "run.json").write_text(json.dumps(record))
    predictions = read_predictions(folder / "predictions.csv")
    tests = np.flatnonzero(predictions.splits == "test")
    few = predictions.rows(np.r_[np.flatnonzero(predictions.splits == "val"), tests[:11]])
    write_predictions(folder / "predictions.csv", few)
    measure_run(folder, few, record["split"])
    (folder / "gradcam" / "index.csv").unlink()
    words, _ = read(write_report(folder))
    assert "few positives" in words
    assert "The test part lists 83 images; 11 images have predictions." in words


def test_text_from_outside_cannot_become_markup(make_run, no_figures):
    folder = make_run()
    record = json.loads((folder / "run.json").read_text())
    record["data"]["name"] = "<script>alert(1)</script>"
    (folder / "run.json").write_text(json.dumps(record))
    html = write_report(folder).read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_report_is_the_same_each_time(make_run):
    folder = make_run()
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


def test_the_size_limit_costs_heatmaps_not_words(make_run, monkeypatch, no_figures):
    folder = make_run(overlay_px=(700, 350))
    small = TEXT_ALLOWANCE + 300_000
    monkeypatch.setattr("cxr.reporting.report.SIZE_LIMIT", small)
    report = write_report(folder)
    assert report.stat().st_size < small < SIZE_LIMIT
    words, _ = read(report)
    assert re.search(r"[123] of the 4 in gradcam/ are shown", words)


def test_a_run_without_metrics_is_one_sentence_and_writes_nothing(make_run):
    folder = make_run()
    (folder / "metrics.json").unlink()
    with pytest.raises(UserError, match="evaluate the group first"):
        write_report(folder)
    assert not (folder / "report.html").exists()
    assert not (folder / "figures").exists()


def test_neither_room_loads_a_deep_learning_library():
    code = "import sys, cxr.evaluation.metrics, cxr.reporting.report; print(*sys.modules)"
    place = {**os.environ, "PYTHONPATH": str(Path(cxr.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=place)
    loaded = set(found.stdout.split())
    assert "cxr.reporting.report" in loaded
    assert loaded.isdisjoint({"tensorflow", "keras", "torch", "jax", "matplotlib.pyplot"})


def remeasure(folder, measure_run, change=lambda rows: rows, **more):
    """Measure the run's predictions again after `change`; its record is left as it is."""
    predictions = change(read_predictions(folder / "predictions.csv"))
    write_predictions(folder / "predictions.csv", predictions)
    measure_run(folder, predictions, json.loads((folder / "run.json").read_text())["split"], **more)


def test_without_validation_the_page_says_why_nothing_was_cut(make_run, measure_run):
    folder = make_run(overlays=False)
    remeasure(folder, measure_run, lambda rows: rows.part("test"))
    words, _ = read(write_report(folder))
    for expected in (
        "no threshold: no labelled images in val (Edema, Mass, Hernia)",
        "Not shown: there are no predictions of a validation part.",
        "Not drawn: there is no validation part.",
        "Left as they are: 0 positives of 0 patients in val",
        "Without a threshold for some or all images: Edema, Mass, Hernia.",
    ):
        assert expected in words
    assert not (folder / "figures" / "tradeoff.png").exists()


def test_one_patient_gives_a_page_without_intervals(make_run, measure_run, no_figures):
    def one_patient(rows):
        tests = rows.splits == "test"
        return replace(rows, patient_ids=np.where(tests, "99999", rows.patient_ids))

    folder = make_run(overlays=False)
    remeasure(folder, measure_run, one_patient)
    words, _ = read(write_report(folder))
    assert "(one patient in test: no interval) over 2 of 3 findings" in words


def test_folds_give_a_page_that_says_what_they_lack(make_run, measure_run, no_figures):
    folder = make_run(overlays=False)
    rows = read_predictions(folder / "predictions.csv")
    tests, vals = rows.part("test"), rows.part("val")
    folds = {}
    for fold, half in (("0", slice(0, 40)), ("1", slice(40, 80))):
        folds[fold] = joined([vals, tests.rows(np.arange(80)[half])])
    remeasure(folder, measure_run, lambda _: tests, folds=folds)
    words, _ = read(write_report(folder))
    for expected in (
        "Each fold has its own thresholds.",
        "one per fold",
        "Not drawn: each fold has thresholds of its own.",
        "Not shown: each fold has a validation part of its own",
        "None shown: the images were measured out of fold",
        "Each fold by itself",
    ):
        assert expected in words


def test_softmax_members_seeds_and_subgroups_are_shown(make_run, measure_run, no_figures):
    folder = make_run(overlays=False, findings=("Edema", "Mass"))
    rows = read_predictions(folder / "predictions.csv")
    right = np.random.default_rng(0).random(len(rows.image_ids)) < 0.5
    chances = np.clip(0.5 + 0.2 * np.random.default_rng(1).normal(size=len(right)) + 0.2 * (right - 0.5), 0.01, 0.99)
    single = replace(
        rows,
        probabilities=np.stack([chances, 1 - chances], axis=1),
        label_codes=np.stack([right, ~right], axis=1).astype(float),
    )
    other = replace(single, probabilities=single.probabilities[:, ::-1] * 0.5 + single.probabilities * 0.5)
    attributes = pd.DataFrame({"image_id": rows.image_ids, "follow_up": np.where(right, "5+", "first")})
    attributes["sex"] = np.resize(["F", "M"], len(right))
    remeasure(
        folder, measure_run, lambda _: single, single=True, attributes=attributes,
        members={"densenet169": [single], "xception": [other]}, seeds={"both": ["densenet169", "xception"]},
        studies=dict(zip(rows.image_ids, rows.patient_ids, strict=True)),
    )  # fmt: skip
    words, _ = read(write_report(folder))
    assert re.search(r"Average of all \d\.\d{3}", words)
    assert "both, mean of 2 seeds" in words
    assert "40 studies of 80 images; 40 of them have more than one image" in words
    assert words.index("Follow-up first") < words.index(" 5+ ") < words.index("Sex F")
    assert re.search(r"disagree 0\.\d{3}", words)
    assert "at least 20 positives" in words


def test_the_tables_lie_beside_the_page(make_run, no_figures):
    folder = make_run(overlays=False)
    write_report(folder)
    assert sorted(path.name for path in (folder / "tables").iterdir()) == ["results.csv", "results.tex"]
    heads = (folder / "tables" / "results.csv").read_text().splitlines()[0]
    assert heads.startswith("Finding,Positives,Images,AUROC,AP,Sensitivity")
