"""Answers of a bundle as DICOM: what both objects say is what the answer says; other files are a sentence."""

from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import dcmread

from cxr.prediction.answers import Answer, Item
from cxr.prediction.dicom import answered
from cxr.prediction.dicom.answered import NO_DICOM, file_answer


@pytest.fixture
def bundle(monkeypatch):
    """What is asked of a bundle; Effusion has a threshold of 0.4, Edema none."""
    record = SimpleNamespace(group="Both", run={"versions": {"cxr": "9.9"}}, synthetic=True, uncalibrated=None)
    monkeypatch.setattr(answered, "thresholds_of", lambda bundle: np.array([0.4, np.nan]))
    return SimpleNamespace(record=record, mark="ef" * 32, findings=("Effusion", "Edema"))


def answer_to(path, lies=""):
    crop = SimpleNamespace(lies=lies)
    return Answer(Item(path.name, path), "ok", "", crop, np.array([[0.7, 0.2]]), np.array([0.7, 0.2]), [True, None])


def test_both_objects_say_what_the_answer_says(bundle, make_source, overlay, tmp_path):
    source = make_source()
    source.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    boxes = {"Effusion": [(1, 2, 3, 4)]}
    assert file_answer(bundle, answer_to(tmp_path / "a.dcm", "head left"), overlay, boxes, tmp_path / "a") == ""
    report, capture = dcmread(tmp_path / "a-findings.dcm"), dcmread(tmp_path / "a-overlay.dcm")
    assert report.StudyInstanceUID == capture.StudyInstanceUID == source.StudyInstanceUID
    assert (report.ManufacturerModelName, report.SoftwareVersions[1]) == ("Both", "bundle 9.9")
    said = " ".join(element.value for element in report.iterall() if element.keyword == "TextValue")
    for words in ("ef" * 32, "synthetic images only", "The image lies head left in its file"):
        assert words in said
    groups = report.ContentSequence[-1].ContentSequence
    assert [group.ContentSequence[0].TextValue for group in groups] == ["Effusion", "Effusion 1", "Edema"]
    numbers = [item for item in groups[0].ContentSequence if item.ValueType == "NUM"]
    assert [float(item.MeasuredValueSequence[0].NumericValue) for item in numbers] == [70, 40]
    assert [item.ValueType for item in groups[2].ContentSequence].count("NUM") == 1


def test_what_cannot_be_filed_is_a_sentence(bundle, make_source, overlay, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    assert file_answer(bundle, answer_to(tmp_path / "a.png"), overlay, {}, tmp_path / "out" / "a") == NO_DICOM
    make_source(StudyInstanceUID=None).save_as(tmp_path / "b.dcm", enforce_file_format=True)
    said = file_answer(bundle, answer_to(tmp_path / "b.dcm"), overlay, {}, tmp_path / "out" / "b")
    assert said.startswith("its StudyInstanceUID is missing")
    nothing = Answer(Item("c", tmp_path / "c.dcm"), "rejected", "is of modality CT")
    assert file_answer(bundle, nothing, overlay, {}, tmp_path / "out" / "c") == "is of modality CT"
    assert not (tmp_path / "out").exists()
