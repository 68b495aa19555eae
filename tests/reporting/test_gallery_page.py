import csv
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from cxr.config.errors import UserError
from cxr.reporting.gallery_page import ALL_COLUMNS, SHOWN, write_gallery_page

FINDINGS = ("Mass", "Pleural_Thickening")
LINES = [
    ("a<b>.png", "Mass", "0.8", "1", "Mass-01-a.png", "0.31", "0.2", "TP"),
    ("b.png", "Mass", "0.7", "0", "Mass-02-b.png", "0.25", "0.2", "FP"),
    ("b.png", "Pleural_Thickening", "0.1", "", "P-01-b.png", "0.04", "", ""),
]


def write_index(folder, lines, columns=ALL_COLUMNS):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([columns, *lines])


@pytest.fixture
def folder(tmp_path):
    """gradcam/ with an index and its pictures."""
    write_index(tmp_path, LINES)
    for line in LINES:
        Image.fromarray(np.zeros((4, 8), np.uint8)).save(tmp_path / line[4])
    return tmp_path


def data_of(folder):
    page = (folder / "gallery.html").read_text(encoding="utf-8")
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_page_holds_the_index_and_the_calibrated_probability(folder):
    assert write_gallery_page(folder, [""], FINDINGS, (None, "no threshold: few positives in val"), "Both") == 3
    data = data_of(folder)
    assert data["findings"] == ["Mass", "Pleural Thickening"]
    assert data["entries"] == [
        ["a<b>.png", 0, 0.31, 0.2, 0, "1", "Mass-01-a.png"],
        ["b.png", 0, 0.25, 0.2, 1, "0", "Mass-02-b.png"],
        ["b.png", 1, 0.04, None, -1, "", "P-01-b.png"],
    ]
    assert data["missing"] == [None, "no threshold: few positives in val"]
    assert data["tops"] == {}
    page = (folder / "gallery.html").read_text(encoding="utf-8")
    assert "Calibrated probabilities" in page
    assert not re.search(r"https?://", page)
    assert "relative to its own hottest place" in page


def test_a_picture_that_several_folders_hold_is_shown_once(folder):
    again, other = list(LINES[0]), list(LINES[0])
    again[4], other[0], other[4] = "Mass/a.jpg", "c.png", "Mass/c d.jpg"
    write_index(folder / "all", [again, other])
    (folder / "Mass-top.png").write_bytes(b"")
    assert write_gallery_page(folder, ["", "all"], FINDINGS, (None, None), "Both") == 4
    files = [entry[6] for entry in data_of(folder)["entries"]]
    assert files == ["Mass-01-a.png", "Mass-02-b.png", "P-01-b.png", "all/Mass/c d.jpg"]
    assert data_of(folder)["tops"] == {"0": "Mass-top.png"}


def test_without_thresholds_the_filter_says_why_it_cannot_be_used(folder):
    write_index(folder, [(*line[:5], "", "", "") for line in LINES])
    write_gallery_page(folder, [""], FINDINGS, ["no threshold: the group was not evaluated yet"] * 2, "Both")
    page = (folder / "gallery.html").read_text(encoding="utf-8")
    assert page.count('value="TP" disabled') == 1
    assert "the group was not evaluated yet" in page
    assert "Raw probabilities: the group was not calibrated" in page
    assert data_of(folder)["entries"][0][2] == 0.8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("a.png", "Edema", *LINES[0][2:]), "line 2: .*not in tuple"),
        (("a.png", "Mass", "x", "1", "a.png", "", "", ""), "line 2: could not convert"),
        (("a.png", "Mass", "0.5", "1", "a.png", "", "", "XX"), "line 2: .*not in tuple"),
    ],
)
def test_a_broken_index_is_one_sentence(tmp_path, line, message):
    write_index(tmp_path, [line])
    with pytest.raises(UserError, match=message):
        write_gallery_page(tmp_path, [""], FINDINGS, (None, None), "Both")
    write_index(tmp_path, [], ALL_COLUMNS[:-1])
    with pytest.raises(UserError, match="lacks column 'outcome'"):
        write_gallery_page(tmp_path, [""], FINDINGS, (None, None), "Both")


def open_page(folder, address):
    """The page's document after its scripts ran."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom",
               f"--user-data-dir={folder / 'browser'}", f"file://{folder}/gallery.html{address}"]  # fmt: skip
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120).stdout


def test_a_browser_filters_sorts_and_pages_25_000_entries(tmp_path):
    scores = np.random.default_rng(0).permutation(25_000) / 25_000
    lines = []
    for number, score in enumerate(scores):
        outcome = "TP" if score >= 0.5 else "FN"
        image = (f"i{number:05d}.png", FINDINGS[number % 2], f"{score:.6f}", "1", f"{number}.jpg")
        lines.append((*image, "", "0.5", outcome))
    write_index(tmp_path, lines)
    write_gallery_page(tmp_path, [""], FINDINGS, (None, None), "Both")
    missed = [line for line in lines if line[1] == "Mass" and line[7] == "FN"]
    missed.sort(key=lambda line: -float(line[2]))
    page = open_page(tmp_path, "#finding=Mass&outcome=FN&page=2")
    assert re.findall(r'href="(\d+\.jpg)"', page) == [line[4] for line in missed[SHOWN : 2 * SHOWN]]
    assert f"{len(missed):,} pictures, page 2 of {-(-len(missed) // SHOWN)}" in page
    page = open_page(tmp_path, "#image=I00123")
    assert re.findall(r'href="(\d+\.jpg)"', page) == ["123.jpg"]
    assert "1 picture, page 1 of 1" in page
