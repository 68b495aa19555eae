"""A small set of phantoms written to disk: layout, tables, lists, resuming, refusal and determinism."""

import csv
import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.images.files import read_image
from cxr.phantoms.dataset.folder import LAYOUTS, write_phantoms
from cxr.phantoms.phantom import render_phantom
from cxr.phantoms.spec import PhantomSpec

SPEC = PhantomSpec(patients=10, seed=3, image_px=96)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))[1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "set"
    write_phantoms(folder, SPEC)
    return folder


def test_the_layout_and_the_headers_are_nihs(folder):
    entries = (folder / "Data_Entry_2017.csv").read_text().splitlines()
    assert entries[0] == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    boxes = (folder / "BBox_List_2017.csv").read_text().splitlines()
    assert boxes[0] == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert {line.count(",") for line in entries} == {10}
    assert {line.count(",") for line in boxes} == {8}
    names = {row[0] for row in table(folder / "Data_Entry_2017.csv")}
    assert names == {path.name for path in (folder / "images_001" / "images").iterdir()}
    assert names == {path.name for path in (folder / "masks").iterdir()}


def test_every_row_agrees_with_the_rendered_phantom(folder):
    boxes = table(folder / "BBox_List_2017.csv")
    for name, labels, followup, patient, age, sex, view, width, height, *_ in table(folder / "Data_Entry_2017.csv"):
        phantom = render_phantom(SPEC, int(patient), int(followup))
        assert name == f"{int(patient):08d}_{int(followup):03d}.png"
        assert labels == ("|".join(phantom.labels) or "No Finding")
        assert (int(age), sex, view) == (phantom.age, phantom.sex, phantom.view)
        assert (int(width), int(height)) == (SPEC.image_px, SPEC.image_px)
        assert np.array_equal(read_image(folder / "images_001" / "images" / name), phantom.image)
        assert np.array_equal(read_image(folder / "masks" / name), phantom.lung_mask)
        found = [[float(side) * SPEC.image_px / 1024 for side in row[2:6]] for row in boxes if row[0] == name]
        drawn = [box for around in phantom.boxes.values() for box in around]
        assert np.allclose(found, drawn, atol=1e-3) if drawn else not found


def test_box_names_are_those_of_nihs_box_file(folder):
    names = {row[1] for row in table(folder / "BBox_List_2017.csv")}
    assert names <= set(NIH14) - {"Infiltration"} | {"Infiltrate"}


def test_the_lists_share_no_patient_and_cover_all_images(folder):
    lists = [(folder / name).read_text().split() for name in ("train_val_list.txt", "test_list.txt")]
    assert sorted(lists[0] + lists[1]) == sorted(row[0] for row in table(folder / "Data_Entry_2017.csv"))
    patients = [{name[:8] for name in names} for names in lists]
    assert not patients[0] & patients[1]
    assert len(patients[1]) == SPEC.patients // 5


def test_the_record_counts_what_was_written(folder):
    record = json.loads((folder / "phantoms.json").read_text())
    entries = table(folder / "Data_Entry_2017.csv")
    assert record["spec"] == asdict(SPEC)
    assert record["layout"] == "nih"
    assert record["counts"]["wrong labels"] == 0
    assert record["counts"]["images"] == len(entries)
    assert record["counts"]["No Finding"] == sum(row[1] == "No Finding" for row in entries)


def test_two_workers_write_the_same_bytes_as_one(folder, tmp_path):
    calls = []
    write_phantoms(tmp_path / "set", SPEC, workers=2, on_progress=lambda done, total: calls.append((done, total)))
    assert digest(tmp_path / "set") == digest(folder)
    images_n = len(table(folder / "Data_Entry_2017.csv"))
    assert calls[-1] == (images_n, images_n)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_a_smaller_set_is_the_beginning_of_a_larger_one(folder, tmp_path):
    write_phantoms(tmp_path / "set", PhantomSpec(patients=3, seed=3, image_px=96))
    whole = digest(folder)
    images = {name: sha for name, sha in digest(tmp_path / "set").items() if name.endswith(".png")}
    assert images
    assert all(whole[name] == sha for name, sha in images.items())


def test_a_complete_folder_is_left_alone(folder):
    def fail(done, total):
        raise AssertionError("nothing was to be written")

    write_phantoms(folder, SPEC, on_progress=fail)


def test_an_interrupted_run_is_completed(folder, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "set", SPEC, on_progress=interrupt)
    assert not (tmp_path / "set" / "phantoms.json").exists()
    write_phantoms(tmp_path / "set", SPEC)
    assert digest(tmp_path / "set") == digest(folder)


def test_another_spec_is_refused(folder):
    with pytest.raises(UserError, match=r"phantoms\.json.*other phantoms.*'seed': 3.*'seed': 4"):
        write_phantoms(folder, PhantomSpec(patients=10, seed=4, image_px=96))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "Data_Entry_2017.csv").write_text("real data")
    with pytest.raises(UserError, match="not empty"):
        write_phantoms(tmp_path, SPEC)
    assert [path.name for path in tmp_path.iterdir()] == ["Data_Entry_2017.csv"]


def test_a_set_that_files_were_removed_from_is_written_again(tmp_path):
    spec = replace(SPEC, patients=2)
    write_phantoms(tmp_path / "set", spec)
    whole = digest(tmp_path / "set")
    (tmp_path / "set" / "sheet.png").touch()  # what the command adds
    for name in ("Data_Entry_2017.csv", next(name for name in whole if name.endswith(".png"))):
        (tmp_path / "set" / name).unlink()
        write_phantoms(tmp_path / "set", spec)
        (tmp_path / "set" / "sheet.png").unlink(missing_ok=True)
        assert digest(tmp_path / "set") == whole


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe{"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "phantoms.json").write_bytes(content)
    with pytest.raises(UserError, match=r"phantoms\.json is damaged"):
        write_phantoms(tmp_path, SPEC)


def test_another_layout_in_the_same_folder_is_refused(folder):
    with pytest.raises(UserError, match="other phantoms"):
        write_phantoms(folder, SPEC, layout="chexpert")


def test_label_noise_changes_the_tables_and_keeps_the_pixels_and_the_truth(folder, tmp_path):
    write_phantoms(tmp_path / "set", replace(SPEC, label_noise=0.4))
    clean = {row[0]: row[1] for row in table(folder / "Data_Entry_2017.csv")}
    noisy = {row[0]: row[1] for row in table(tmp_path / "set" / "Data_Entry_2017.csv")}
    truth = {row[0]: row[1] for row in table(tmp_path / "set" / "true_labels.csv")}
    assert truth == clean != noisy
    assert not (folder / "true_labels.csv").exists()
    images = {name: sha for name, sha in digest(folder).items() if name.endswith(".png")}
    assert images == {name: sha for name, sha in digest(tmp_path / "set").items() if name.endswith(".png")}
    for name, finding, *_ in table(tmp_path / "set" / "BBox_List_2017.csv"):
        finding = finding.replace("Infiltrate", "Infiltration")
        assert finding in noisy[name].split("|") and finding in clean[name].split("|")
    wrong = sum(len(set(clean[name].split("|")) ^ set(noisy[name].split("|")) - {"No Finding"}) for name in clean)
    counted = json.loads((tmp_path / "set" / "phantoms.json").read_text())["counts"]["wrong labels"]
    assert 0 < counted <= wrong


def test_every_layout_resumes_and_is_complete(tmp_path):
    for layout in LAYOUTS:
        folder = tmp_path / layout
        write_phantoms(folder, replace(SPEC, patients=2), layout=layout)
        assert (folder / "phantoms.json").exists()
        assert not list(folder.rglob(".part-*"))


WRONG = [
    {"patients": 0},
    {"seed": -1},
    {"image_px": 32},
    {"prevalence": 1.5},
    {"frequencies": "odd"},
    {"label_noise": 0.6},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_spec_that_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        PhantomSpec(**wrong)
