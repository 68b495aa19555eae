import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import cxr
from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.evaluation.predictions import read_predictions, write_predictions
from cxr.reporting.report import SIZE_LIMIT, write_report

SYNTHETIC = "Phantoms: synthetic images; these numbers say nothing about patients"
HEADINGS = (
    *("What was run", "Mean AUROC 0.", "Curves, test part", "Calibration, test part", "Operating points, test part"),
    *("Validation and test side by side", "Subgroups, test part", "Disagreement of the members", "Lungs and crops"),
    *("Published results of the same split", "Model card", "This run Made"),
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


def test_phantoms_and_smoke_runs_are_marked(make_run):
    folder = make_run(smoke=True)
    record = json.loads((folder / "run.json").read_text())
    record["data"]["synthetic"] = True
    (folder / "run.json").write_text(json.dumps(record))
    words, _ = read(write_report(folder))
    assert SYNTHETIC in words
    assert SMOKE in words


def test_what_is_missing_is_said(make_run):
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


def test_few_positives_and_missing_predictions_are_marked(make_run, measure_run):
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


def test_text_from_outside_cannot_become_markup(make_run):
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


def test_the_size_limit_costs_heatmaps_not_findings(make_run, monkeypatch):
    folder = make_run(findings=NIH14, members=("tiny",))
    small = 2_600_000
    monkeypatch.setattr("cxr.reporting.report.SIZE_LIMIT", small)
    report = write_report(folder)
    assert report.stat().st_size < small < SIZE_LIMIT
    words, _ = read(report)
    assert re.search(r"\d of the 4 in gradcam/ are shown", words)


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
