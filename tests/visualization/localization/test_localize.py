"""`localize` killed in the middle of each of its long parts: called again it goes on, and ends as if never killed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cxr.config.heatmaps import Heatmaps
from cxr.evaluation.predictions import read_predictions
from cxr.visualization.localization import begun, checks, localize, walk
from cxr.visualization.localization.task import Task
from cxr.visualization.localization.written import Asked

SIDE = 64
WRITTEN = ("boxes.csv", "boxes.json", "localization.csv", "localization.json")
PARTS = ("heatmaps", "deletion", "random weights")


@pytest.fixture
def make_task(trained, store, tmp_path, monkeypatch):
    """A function: progress -> what one member is asked of four images at a time; all test images have a true box."""
    for module in (localize, checks):
        monkeypatch.setattr(module, "KEEP_CHUNKS", 1)
    monkeypatch.setattr(walk, "CHUNK_IMAGES", 4)
    count = len(store.image_ids)
    usable = replace(store, lungs=np.full((len(store.rows), 16, 2), 0b00111100, np.uint8))
    lines = [f"{image_id},Mass,2,3,20,25" for image_id in store.image_ids]
    (tmp_path / "true.csv").write_text("\n".join(["image_id,finding,x,y,width,height", *lines]) + "\n")
    test = read_predictions(trained[0] / "predictions.csv").part("test")

    def make(progress, **heatmaps):
        return Task(
            members={"": [trained[0] / "first"]},
            stores={"": usable},
            store=usable,
            sizes=dict.fromkeys(("", "pooled"), np.full((count, 2), SIDE)),
            usable=np.ones(count, bool),
            true_boxes=tmp_path / "true.csv",
            asked=Asked.of(test, store.findings, None, None),
            heatmaps=Heatmaps(deletion_images=3, **heatmaps),
            resamples=50,
            seed=3,
            engine="keras",
            progress=progress,
        )

    return make


def quiet(title):
    return lambda done, total: None


def test_a_killed_run_goes_on_and_ends_like_one_that_was_not(make_task, kill_at, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    localize.localize(make_task(quiet), whole, "same")
    assert sorted(path.name for path in whole.iterdir()) == sorted([*WRITTEN, "examples"])
    for killed in PARTS:

        def die(tell, killed=killed):
            def progress(title):
                return lambda done, total: tell(title == killed and done >= 2, total)

            localize.localize(make_task(progress), broken, "same")

        kill_at(True, die)
        assert not (broken / "localization.json").exists()
        assert (broken / "boxes.csv").exists() == (killed != "heatmaps")
        (broken / ".part-1-boxes.csv").write_text("image_id,fin")  # what a kill leaves and an exception does not
    starts = {}

    def progress(title):
        return lambda done, total: starts.setdefault(title, (done, total))

    localize.localize(make_task(progress), broken, "same")
    assert set(starts) == {"random weights"}  # all else was done before the last kill
    first, total = starts["random weights"]
    assert 4 < first <= total
    assert sorted(path.name for path in broken.iterdir()) == sorted([*WRITTEN, "examples"])
    for name in WRITTEN:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_another_run_began_is_not_gone_on_with(make_task, kill_at, tmp_path):
    def die(tell):
        localize.localize(make_task(lambda title: lambda done, total: tell(title, total)), tmp_path / "out", "one")

    kill_at("heatmaps", die)
    assert (tmp_path / "out" / begun.FOLDER / "maps.npz").is_file()
    done = []
    made = make_task(lambda title: lambda one, total: done.append((title, one, total)))
    localize.localize(made, tmp_path / "out", "two")
    heatmaps = [one for title, one, _ in done if title == "heatmaps"]
    assert heatmaps[0] < 8
    assert len(heatmaps) > 1
    assert json.loads((tmp_path / "out" / "localization.json").read_text())["inputs"] == "two"
