"""Answers of a bundle as DICOM: what both objects say is what the answer says; other files are a sentence."""

from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import dcmread

from cxr.images.geometry import Box
from cxr.prediction.answers import Answer, Item
from cxr.prediction.dicom import answered
from cxr.prediction.dicom.answered import NO_DICOM, write_objects
from cxr.prediction.dicom.marking import mark

RAMP = (np.arange(40 * 60) % 251).astype(np.uint8)


@pytest.fixture
def bundle(monkeypatch):
    """What is asked of a bundle of one member; Effusion has a threshold of 0.4, Edema none."""
    record = SimpleNamespace(
        group="Both",
        run={"versions": {"cxr": "9.9"}},
        synthetic=True,
        uncalibrated=None,
        members=[SimpleNamespace(first=0.25, step=0.5)],
        boxes=SimpleNamespace(threshold=0.5, min_area=0, merge=0.1, score="mean"),
    )
    monkeypatch.setattr(answered, "thresholds_of", lambda bundle: np.array([0.4, np.nan]))
    return SimpleNamespace(record=record, mark="ef" * 32, findings=("Effusion", "Edema"))


def answer_to(path, lies=""):
    """Hot for Effusion in the upper left quarter of the upright crop, the left 40 columns; Edema everywhere."""
    heat = np.stack([[[1, 0], [0, 0]], np.ones((2, 2))], axis=-1).astype(np.float32)
    sizes = {"height_px": 40, "width_px": 60}
    crop = SimpleNamespace(lies=lies, box=Box(0, 0, 40, 40), pixels=np.zeros((32, 32), np.uint8), **sizes)
    numbers = np.array([0.7, 0.9])
    return Answer(Item(path.name, path), "ok", "", crop, numbers[None], numbers, [True, None], [heat])


def test_both_objects_say_what_the_answer_says(bundle, make_header, tmp_path):
    source = make_header(PixelData=RAMP.tobytes())
    source.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    said = write_objects(bundle, tmp_path, 12, answer_to(tmp_path / "a.dcm", "head left"))
    assert said == {"dicom": ["dicom/000012-overlay.dcm", "dicom/000012-findings.dcm"], "dicom_reason": None}
    capture, report = (dcmread(tmp_path / name) for name in said["dicom"])
    assert report.StudyInstanceUID == capture.StudyInstanceUID == source.StudyInstanceUID
    assert (report.ManufacturerModelName, report.SoftwareVersions[1]) == ("Both", "bundle 9.9")
    words = " ".join(element.value for element in report.iterall() if element.keyword == "TextValue")
    for part in ("ef" * 32, "synthetic images only", "The image lies head left in its file", "Heat: Effusion."):
        assert part in words
    groups = report.ContentSequence[-1].ContentSequence
    assert [group.ContentSequence[0].TextValue for group in groups] == ["Effusion", "Effusion 1", "Edema", "Edema 1"]
    numbers = [item for item in groups[0].ContentSequence if item.ValueType == "NUM"]
    assert [float(item.MeasuredValueSequence[0].NumericValue) for item in numbers] == [70, 40]
    assert [item.ValueType for item in groups[2].ContentSequence].count("NUM") == 1


@pytest.mark.parametrize(("lies", "hot"), [("", (0, 0)), ("head left", (1, 0)), ("head down", (1, 1)),
                                           ("head right", (0, 1)), ("inverted", (0, 0))])  # fmt: skip
def test_the_heat_lies_as_the_file_lies(lies, hot, bundle, make_header, tmp_path):
    """Turned counter-clockwise by a quarter, the upper left corner comes to lie at the lower left."""
    make_header(PixelData=RAMP.tobytes()).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    answer = answer_to(tmp_path / "a.dcm", lies)
    names = write_objects(bundle, tmp_path, 0, answer)["dicom"]
    capture = dcmread(tmp_path / names[0])
    _, row = mark(np.zeros((40, 60, 3), np.uint8), answered.say_answer(bundle, answer))
    picture = capture.pixel_array[row : row + 40, :60].astype(int)
    coloured = (picture.max(axis=2) - picture.min(axis=2) > 20)[4:36, 4:36]
    quarters = {(i, j): coloured[16 * i : 16 * i + 12, 16 * j : 16 * j + 12].mean() for i in (0, 1) for j in (0, 1)}
    assert max(quarters, key=quarters.get) == hot
    assert capture.PatientOrientation == ["L", "F"]


def test_what_cannot_be_filed_is_a_sentence(bundle, make_header, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    said = write_objects(bundle, tmp_path / "out", 0, answer_to(tmp_path / "a.png"))
    assert said == {"dicom": [], "dicom_reason": NO_DICOM}
    make_header(StudyInstanceUID=None, PixelData=RAMP.tobytes()).save_as(tmp_path / "b.dcm", enforce_file_format=True)
    said = write_objects(bundle, tmp_path / "out", 0, answer_to(tmp_path / "b.dcm"))
    assert said["dicom_reason"].startswith("its StudyInstanceUID is missing")
    nothing = Answer(Item("c", tmp_path / "c.dcm"), "rejected", "is of modality CT")
    assert write_objects(bundle, tmp_path / "out", 0, nothing)["dicom_reason"] == "is of modality CT"
    assert not (tmp_path / "out").exists()
