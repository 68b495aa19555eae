"""`cxr phantoms`: what it writes, what it leaves alone, and every mistake a sentence with exit code 2."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from cxr.__main__ import main
from cxr.commands.arguments import parse_arguments
from cxr.config.datasets import PhantomDataset
from cxr.images.files import read_image
from cxr.phantoms.dataset.folder import LAYOUTS
from cxr.phantoms.findings.cooccurrence import FREQUENCIES
from cxr.phantoms.spec import PhantomSpec

ROOT = Path(__file__).parents[2]


def write(folder, *options):
    return main(["phantoms", str(folder), "--patients", "2", "--image-px", "64", *options])


@pytest.mark.parametrize(
    ("layout", "table"),
    [("nih", "Data_Entry_2017.csv"), ("chexpert", "CheXpert-v1.0-small/train.csv"), ("dicom", "labels.csv")],
)
def test_a_folder_of_phantoms_is_written_with_a_sheet_and_left_alone_afterwards(layout, table, tmp_path, capsys):
    folder = tmp_path / "set"
    assert write(folder, "--layout", layout) == 0
    assert (folder / table).is_file() and (folder / "phantoms.json").is_file()
    assert read_image(folder / "sheet.png").shape == (200, 1600)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write(folder, "--layout", layout) == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert str(folder) in capsys.readouterr().out


def test_negatives_are_written_once(tmp_path, capsys):
    assert write(tmp_path / "set", "--layout", "negatives") == 0
    assert len(list((tmp_path / "set").glob("*.png"))) == 10
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("*.png")}
    next(iter(before)).unlink()  # as if it had been interrupted
    assert write(tmp_path / "set", "--layout", "negatives") == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("*.png")}
    assert after.keys() == before.keys()
    assert sum(after[path] != before[path] for path in after) == 1
    assert write(tmp_path / "set", "--layout", "negatives", "--seed", "8") == 2
    assert "not empty" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert write(tmp_path / "other", "--layout", "negatives") == 2


def test_a_folder_that_cannot_be_made_is_a_sentence(capsys):
    assert write(Path("/proc/nowhere")) == 2
    assert "/proc/nowhere: cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize(("layout", "word"), [("nih", "writes all anew"), ("negatives", "goes on where it stopped")])
def test_an_interrupted_command_says_what_the_next_one_does(layout, word, tmp_path, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr.commands.phantoms.write_phantoms", interrupt)
    monkeypatch.setattr("cxr.commands.phantoms.write_negatives", interrupt)
    assert write(tmp_path / "set", "--layout", layout) == 130
    assert f"interrupted; the same command {word}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--patients", "0"), "patients is 0; it must be at least 1"),
        (("--prevalence", "1.5"), "prevalence is 1.5; it must be between 0 and 1"),
        (("--label-noise", "nan"), "label_noise is nan"),
        (("--image-px", "100000"), "image_px is 100000"),
        (("--seed", "-3"), "seed is -3"),
    ],
)
def test_values_that_cannot_be_drawn_are_a_sentence(options, part, tmp_path, capsys):
    assert write(tmp_path / "set", *options) == 2
    assert part in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_another_set_or_a_file_in_the_way_is_a_sentence(tmp_path, capsys):
    assert write(tmp_path / "set") == 0
    assert write(tmp_path / "set", "--seed", "8") == 2
    assert "other phantoms" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    for layout in ("nih", "negatives"):
        assert write(tmp_path / "file", "--layout", layout) == 2
        assert "is a file; name a folder" in capsys.readouterr().err


def test_drawing_needs_no_framework(tmp_path):
    code = (
        "import sys; from cxr.__main__ import main; "
        f"assert main(['phantoms', {str(tmp_path / 'set')!r}, '--patients', '1', '--image-px', '64']) == 0; "
        "assert not {'tensorflow', 'keras', 'openvino'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, check=True)


def test_the_options_are_those_of_the_settings_and_of_the_phantoms_themselves():
    """The parser imports nothing heavy and so repeats defaults and choices."""
    options, asked, spec = parse_arguments(["phantoms", "folder"]), PhantomDataset(format="phantom"), PhantomSpec()
    for key in ("seed", "image_px", "prevalence", "frequencies", "label_noise"):
        assert getattr(options, key) == getattr(asked, key) == getattr(spec, key)
    for option, choices in (("--frequencies", FREQUENCIES), ("--layout", (*LAYOUTS, "negatives"))):
        for choice in choices:
            assert choice in vars(parse_arguments(["phantoms", "folder", option, choice])).values()
    assert get_args(PhantomDataset.model_fields["frequencies"].annotation) == FREQUENCIES
