"""`predict --dicom`: a folder of DICOM and other images becomes objects, named in predictions.jsonl; runs go on."""

import json

import pytest
from pydicom import dcmread

from cxr.__main__ import main
from cxr.images.files import read_image
from cxr.prediction.results import LINES, REJECTED


@pytest.fixture
def mixed(images, make_header, tmp_path):
    """A folder with a chest as DICOM, as PNG, as DICOM without a study, and a CT."""
    chest = read_image(images / "chest0.png")
    tags = {"Rows": chest.shape[0], "Columns": chest.shape[1], "PhotometricInterpretation": "MONOCHROME2"}
    tags["PixelData"] = chest.tobytes() + b"\0" * (chest.size % 2)
    folder = tmp_path / "in"
    folder.mkdir()
    make_header(**tags).save_as(folder / "a.dcm", enforce_file_format=True)
    make_header(**tags, StudyInstanceUID=None).save_as(folder / "c.dcm", enforce_file_format=True)
    make_header(**tags, Modality="CT").save_as(folder / "d.dcm", enforce_file_format=True)
    (folder / "b.png").write_bytes((images / "chest0.png").read_bytes())
    return folder


def test_only_dicom_becomes_dicom_and_the_rest_a_sentence(bundle_folder, mixed, tmp_path, capsys):
    out = tmp_path / "out"
    asked = ["predict", str(bundle_folder), str(mixed), "--out", str(out), "--dicom", "--overlays"]
    assert main(asked) == 0
    assert "predict: DICOM objects of 1 image, none of 3 (dicom_reason in" in capsys.readouterr().out
    lines = [json.loads(line) for line in (out / LINES).read_text().splitlines()]
    assert [line["dicom"] for line in lines] == [["dicom/000000-overlay.dcm", "dicom/000000-findings.dcm"], [], [], []]
    reasons = [line["dicom_reason"] for line in lines]
    for reason, words in zip(reasons[1:], ("no DICOM file", "StudyInstanceUID is missing", "modality CT"), strict=True):
        assert words in reason
    assert reasons[0] is None
    assert [len(line["overlays"]) > 0 for line in lines] == [True, True, True, False]
    written = {path.relative_to(out).as_posix() for path in (*out.glob("dicom/*"), *out.glob("overlays/*"))}
    assert written == {name for line in lines for name in (*line["dicom"], *line["overlays"])}
    capture, report = (dcmread(out / name) for name in lines[0]["dicom"])
    assert capture.StudyInstanceUID == report.StudyInstanceUID == "1.2.3"
    groups = report.ContentSequence[-1].ContentSequence
    numbers = [[item for item in group.ContentSequence if item.ValueType == "NUM"] for group in groups]
    assert numbers.count([]) == sum(len(one["boxes"]) for one in lines[0]["findings"].values()) > 0
    said = [float(one[0].MeasuredValueSequence[0].NumericValue) for one in numbers if one]
    assert said == pytest.approx([100 * one["probability"] for one in lines[0]["findings"].values()], abs=1e-3)
    for name in (LINES, "predictions.csv", REJECTED):
        assert "Müller" not in (out / name).read_text()
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "unchanged" in said
    assert "DICOM objects of 1 image, none of 3" in said
    assert main([*asked[:-2], "--overwrite"]) == 0
    assert not [*out.glob("dicom/*"), *out.glob("overlays/*")]
