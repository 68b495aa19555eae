"""`cxr export` and `cxr predict` from the command line, with everything a folder may hold by mistake."""

import csv
import os
import shutil
import subprocess
import sys
import venv
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

import cxr
from cxr.__main__ import main
from cxr.images.files import read_image, write_jpeg
from cxr.phantoms.dataset.dicom import _dicom
from cxr.phantoms.dataset.rows import Row

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "torch", "jax", "sklearn", "joblib", "h5py"):
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Blocked())
from cxr.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def block(name, content):
    checksum = zlib.crc32(name + content)
    return len(content).to_bytes(4, "big") + name + content + checksum.to_bytes(4, "big")


def png_claiming(width, height):
    """A whole PNG file that claims this size: a few bytes that would unpack to gigabytes."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    blocks = (block(b"IHDR", header), block(b"IDAT", zlib.compress(b"\0" * 10**6)), block(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(blocks)


@pytest.fixture
def night(images, tmp_path):
    """Last night's export: chests among much else."""
    folder = tmp_path / "night"
    shutil.copytree(images, folder)
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no image")
    (folder / "huge.png").write_bytes(png_claiming(20_000, 20_000))
    (folder / "cut.png").write_bytes((folder / "chest0.png").read_bytes()[:200])
    with zipfile.ZipFile(folder / "packed.png", "w") as archive:
        archive.write(folder / "chest0.png")
    pixels = read_image(folder / "chest0.png")
    changes = {
        "good": {},
        "lateral": {"ViewPosition": "LL"},
        "ct": {"Modality": "CT"},
        "hand": {"BodyPartExamined": "HAND"},
    }
    for name, changed in changes.items():
        row = Row(7, 1, 0, 50, "F", "PA", 0, (), (), (), False, {})
        data = _dicom(row, pixels)
        for tag, value in changed.items():
            setattr(data, tag, value)
        data.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return folder


def test_one_bad_file_never_stops_the_others(bundle_folder, night, tmp_path, capsys):
    assert main(["predict", str(bundle_folder), str(night), "--out", str(tmp_path / "out"), "--overlays"]) == 0
    said = capsys.readouterr().out
    assert "engine: openvino, f32" in said
    assert "4 answered, 1 without usable lungs, 8 rejected" in said
    reasons = {Path(row["image"]).name: row["reason"] for row in rows_of(tmp_path / "out" / "rejected.csv")}
    for name, words in {
        "empty.png": "is empty",
        "text.png": "is neither PNG nor JPEG nor DICOM",
        "packed.png": "is neither PNG nor JPEG nor DICOM",
        "huge.png": "claims 20000 x 20000 pixels",
        "cut.png": "is truncated",
        "lateral.dcm": "is a lateral",
        "ct.dcm": "is of modality CT",
        "hand.dcm": "shows the body part HAND",
    }.items():
        assert words in reasons.pop(name)
    assert not reasons
    rows = {Path(row["image"]).name: row for row in rows_of(tmp_path / "out" / "predictions.csv")}
    assert rows.keys() == {"chest0.png", "chest1.png", "chest2.png", "bright.png", "good.dcm"}
    assert rows["bright.png"]["status"] == "unusable"
    for finding in ("Cardiomegaly", "Effusion", "Mass"):  # the same pixels at 12 bits
        assert float(rows["good.dcm"][finding]) == pytest.approx(float(rows["chest0.png"][finding]), abs=0.02)
    for path in (tmp_path / "out").iterdir():
        assert path.is_dir() or "Phantom^Number" not in path.read_text()
    pictures = sorted((tmp_path / "out" / "overlays").iterdir())
    assert [path.name.split("-")[-1] for path in pictures] == ["Cardiomegaly.png"] * 4  # the one that is called
    assert read_image(pictures[0]).shape[1] > 600
    assert main(["predict", str(bundle_folder), str(night), "--out", str(tmp_path / "out"), "--overlays"]) == 0
    assert "unchanged" in capsys.readouterr().out


def test_it_runs_where_neither_keras_nor_tensorflow_can_be_imported(bundle_folder, images, tmp_path):
    out = tmp_path / "out"
    arguments = ["predict", str(bundle_folder), str(images), "--out", str(out), "--overlays"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "3 answered, 1 without usable lungs, 0 rejected" in done.stdout
    frame = cxr.predict(images, bundle_folder)
    written = rows_of(out / "predictions.csv")
    assert [row["image"] for row in written] == list(frame["image"])
    answered = frame["status"] == "ok"
    assert [float(row["Mass"]) for row in written if row["Mass"]] == list(frame["Mass"][answered])


@pytest.fixture
def kinds(images, tmp_path):
    """The same chest as PNG, as JPEG, as DICOM plain and compressed in a folder, and by a CSV."""
    folder = tmp_path / "kinds"
    (folder / "pacs").mkdir(parents=True)
    shutil.copyfile(images / "chest0.png", folder / "chest.png")
    pixels = read_image(folder / "chest.png")
    write_jpeg(folder / "chest.jpg", pixels)
    data = _dicom(Row(7, 1, 0, 50, "F", "PA", 0, (), (), (), False, {}), pixels)
    data.save_as(folder / "pacs" / "plain", enforce_file_format=True)
    data.compress(JPEG2000Lossless)
    data.save_as(folder / "pacs" / "small.dcm", enforce_file_format=True)
    shutil.copyfile(folder / "chest.png", folder / "listed.png")
    (folder / "list.csv").write_text("path\nlisted.png\n../away.png\n")
    return [folder / name for name in ("chest.png", "chest.jpg", "pacs", "list.csv")]


def test_it_runs_in_an_environment_of_requirements_predict_only(request, bundle_folder, kinds, tmp_path):
    if not request.config.getoption("--all"):
        pytest.skip("makes an environment, which takes minutes; --all")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # pip would find packages there
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "-r", ROOT / "requirements-predict.txt"]
    subprocess.run(install, check=True, env=clean)
    done = subprocess.run(
        [python, "-m", "cxr", "predict", bundle_folder, *kinds, "--out", tmp_path / "out", "--overlays", "--dicom"],
        capture_output=True, text=True, env=clean | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("keras", "tensorflow"):
        assert subprocess.run([python, "-c", f"import {name}"], capture_output=True, env=clean).returncode != 0
    assert "5 answered, 0 without usable lungs, 1 rejected" in done.stdout
    assert "DICOM objects of 2 images, none of 4" in done.stdout
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [Path(row["image"]).name for row in rows] == ["chest.png", "chest.jpg", "plain", "small.dcm", "listed.png"]
    assert [float(row["Mass"]) for row in rows] == pytest.approx([float(rows[0]["Mass"])] * 5, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("BUNDLE", "none.png"), "none.png: cannot be read (No such file or directory)"),
        (("none", "IMAGES"), "none: no such folder; name one that ./cxr export wrote"),
        (("BUNDLE", "IMAGES", "--engine", "onnx"), "has no files for the engine onnx"),
    ],
)
def test_mistakes_are_one_sentence(bundle_folder, images, tmp_path, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    known = {"BUNDLE": str(bundle_folder), "IMAGES": str(images)}
    assert main(["predict", *(known.get(one, one) for one in arguments), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_and_an_empty_path_are_one_sentence(bundle_folder, images, tmp_path, capsys):
    assert main(["predict", str(bundle_folder), str(images), "--out", "/proc/none/out"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "/proc/none" in error
    for path, out in (("", str(tmp_path / "out")), (str(images), "")):
        with pytest.raises(SystemExit) as stopped:
            main(["predict", str(bundle_folder), path, "--out", out])
        assert stopped.value.code == 2
        assert "an empty path; name a file or a folder" in capsys.readouterr().err


def test_a_bundle_without_calibration_says_so_and_calls_nothing(export, images, tmp_path, capsys):
    export(tmp_path / "bundle", engines=("openvino",), uncalibrated="Both was not evaluated")
    assert main(["predict", str(tmp_path / "bundle"), str(images), "--out", str(tmp_path / "out")]) == 0
    assert "no calls, and probabilities as the networks give them: Both was not evaluated" in capsys.readouterr().out
    rows = [row for row in rows_of(tmp_path / "out" / "predictions.csv") if row["status"] == "ok"]
    for row in rows:
        assert row["Mass"] == row["Mass:raw"]
        assert row["Cardiomegaly:call"] == row["Effusion:call"] == ""
    assert len(np.unique([row["Mass"] for row in rows])) > 1
