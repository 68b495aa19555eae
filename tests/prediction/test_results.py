import csv
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

import cxr.prediction.results as results
from cxr.config.errors import UserError
from cxr.prediction.answers import Answer, Item, answer_items
from cxr.prediction.results import find_results, mark_of, predict_into
from cxr.prediction.rows import columns_of


@pytest.fixture
def items(images):
    """Ten images by four files, one of which is none."""
    paths = [*sorted(images.iterdir()), images / "none.png"]
    return [Item(f"{number}-{path.name}", path) for number, path in enumerate(paths * 2)]


@pytest.fixture
def work(bundle, opened, monkeypatch):
    """Answers two at a time, and keeps what it was asked."""
    monkeypatch.setattr(results, "CHUNK_IMAGES", 2)
    asked = []

    def run(chosen):
        asked.append([item.name for item in chosen])
        return answer_items(bundle, opened, chosen)

    run.asked = asked
    return run


def read(folder):
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    with (folder / "rejected.csv").open(newline="", encoding="utf-8") as stream:
        return rows, lines, list(csv.DictReader(stream))


def go(folder, bundle, items, work, **more):
    mark = mark_of(bundle, items, {})
    found = find_results(folder, mark, more.pop("overwrite", False))
    return found or predict_into(folder, bundle, items, work, mark, {}, **more)


def test_every_image_is_a_row_or_rejected_with_its_reason(tmp_path, bundle, items, work, opened):
    counts = go(tmp_path / "out", bundle, items, work)
    assert counts == {"ok": 6, "unusable": 2, "rejected": 2}
    rows, lines, rejected = read(tmp_path / "out")
    assert [row["image"] for row in rejected] == ["4-none.png", "9-none.png"]
    assert all("No such file" in row["reason"] for row in rejected)
    assert [line["image"] for line in lines] == [item.name for item in items]
    assert [row["image"] for row in rows] == [item.name for item in items if "none" not in item.name]
    assert list(rows[0]) == columns_of(bundle.findings)
    answers = {answer.item.name: answer for answer in answer_items(bundle, opened, items)}
    for row in rows:
        answer = answers[row["image"]]
        assert row["status"] == answer.status
        if answer.status == "unusable":
            assert row["Mass"] == row["Mass:call"] == ""
            continue
        assert float(row["Effusion"]) == pytest.approx(answer.probabilities[1], abs=1e-6)
        assert float(row["Mass:raw"]) == pytest.approx(answer.raw[:, 2].mean(), abs=1e-6)
        assert float(row["Mass:spread"]) == pytest.approx(answer.raw[:, 2].std(), abs=1e-6)
        assert [row[f"{finding}:call"] for finding in bundle.findings] == ["1", "0", ""]


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(tmp_path, bundle, items, work):
    go(tmp_path / "whole", bundle, items, work)
    work.asked.clear()

    def killed(chosen):
        if len(work.asked) == 2:
            raise KeyboardInterrupt
        return work(chosen)

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "cut", bundle, items, killed)
    assert not (tmp_path / "cut" / "predictions.csv").exists()
    go(tmp_path / "cut", bundle, items, work)
    assert [name for chunk in work.asked for name in chunk] == [item.name for item in items]  # none twice
    for name in ("predictions.csv", "predictions.jsonl", "boxes.csv", "rejected.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {*results.OUTPUTS}


def test_a_finished_run_is_not_done_again(tmp_path, bundle, items, work):
    first = go(tmp_path / "out", bundle, items, work)
    work.asked.clear()
    assert go(tmp_path / "out", bundle, items, work) == first
    assert not work.asked


def test_results_of_other_images_are_replaced_only_when_asked(tmp_path, bundle, items, work):
    go(tmp_path / "out", bundle, items[:3], work)
    with pytest.raises(UserError, match="holds predictions of other images"):
        go(tmp_path / "out", bundle, items, work)
    go(tmp_path / "out", bundle, items, work, overwrite=True)
    assert len(read(tmp_path / "out")[1]) == 10
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is not empty, and holds no predictions"):
            go(tmp_path / "mine", bundle, items, work, overwrite=overwrite)


def test_a_full_disk_leaves_earlier_results_as_they_were(tmp_path, bundle, items, work, monkeypatch):
    go(tmp_path / "out", bundle, items[:3], work)
    before = {name: (tmp_path / "out" / name).read_bytes() for name in results.OUTPUTS}
    opens = Path.open

    def full(path, mode="r", *rest, **more):
        if "w" in mode and "rejected" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opens(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        go(tmp_path / "out", bundle, items, work, overwrite=True)
    monkeypatch.undo()
    assert {name: (tmp_path / "out" / name).read_bytes() for name in results.OUTPUTS} == before
    monkeypatch.setattr(results, "CHUNK_IMAGES", 2)
    work.asked.clear()
    go(tmp_path / "out", bundle, items, work, overwrite=True)
    assert not work.asked  # every chunk was there
    assert len(read(tmp_path / "out")[1]) == 10


def test_pictures_of_a_run_that_was_replaced_go(tmp_path, bundle, items, work):
    def draw(place, answer):
        name = f"overlays/{answer.item.name}"
        (tmp_path / "out" / "overlays").mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_text("")
        return {"overlays": [name]}

    go(tmp_path / "out", bundle, items[:3], work, draw=draw)
    go(tmp_path / "out", bundle, items[2:4], work, draw=draw, overwrite=True)
    drawn = sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir())
    assert drawn == [items[2].name, items[3].name]
    assert [line["overlays"] for line in read(tmp_path / "out")[1]] == [[f"overlays/{name}"] for name in drawn]


def test_names_that_are_no_plain_text_come_back_whole(tmp_path, bundle, work):
    names = ['a,"b".png', "line\nend.png", "ü.png"]
    work = lambda chosen: [Answer(item, "rejected", "x, y") for item in chosen]  # noqa: E731
    go(tmp_path / "out", bundle, [Item(name, tmp_path) for name in names], work)
    assert [row["image"] for row in read(tmp_path / "out")[2]] == names


def test_no_number_is_nan(tmp_path, bundle, work):
    answer = Answer(Item("a", tmp_path), "ok", "", None, np.full((2, 3), np.nan), np.full(3, np.nan), [False] * 3)
    with pytest.raises(ValueError, match="Out of range float values"):
        go(tmp_path / "out", bundle, [answer.item], lambda chosen: [answer])
