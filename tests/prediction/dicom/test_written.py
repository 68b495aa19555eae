"""Both objects, read back: they file into the source's study, say what was found, and pass an independent validator."""

import shutil
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage, SecondaryCaptureImageStorage

from cxr.images.dicom import read_dicom
from cxr.prediction.dicom.answers import MARKING, BundleName, FindingAnswer, ImageAnswers
from cxr.prediction.dicom.header import COPIED_IF_KNOWN, EMPTY_IF_UNKNOWN, NEEDED, UnfiledError
from cxr.prediction.dicom.marking import mark
from cxr.prediction.dicom.written import write_dicom

WHEN = datetime(2026, 3, 1, 23, 30, 5, tzinfo=UTC)
CHESTS = ("chest-cr-mono1-10bit-raw", "chest-cr-mono1-15bit-jpeg2000", "chest-cr-mono1-8bit-jpegbaseline",
          "chest-cr-mono2-8bit-jpegbaseline", "chest-dx-mono2-8bit-implicit-raw")  # fmt: skip


def errors_of(path):
    """The lines in which dciodvfy, of Debian's dicom3tools, finds a file at odds with the standard."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed; Debian's package dicom3tools has it")
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace", timeout=60)
    assert any(name in done.stderr + done.stdout for name in ("SCImage", "ComprehensiveSR")), done.stderr
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


@pytest.fixture
def written(make_header, overlay, answers, tmp_path):
    """A function: tags -> source and what was written of it, read back."""

    def write(said=answers, when=WHEN, **tags):
        source = make_header(**tags)
        return source, *(dcmread(path) for path in write_dicom(source, overlay, said, tmp_path / "image", when))

    return write


def test_names_of_the_files_end_in_what_they_are(make_header, overlay, answers, tmp_path):
    paths = write_dicom(make_header(), overlay, answers, tmp_path / "new" / "scan.1")
    assert [path.name for path in paths] == ["scan.1-overlay.dcm", "scan.1-findings.dcm"]
    assert sorted(tmp_path.rglob("*.*cm")) == sorted(paths)


def test_both_file_into_the_study_of_the_source(written):
    source, *objects = written()
    for data in objects:
        for keyword in (*EMPTY_IF_UNKNOWN, *COPIED_IF_KNOWN, "StudyInstanceUID", "SpecificCharacterSet"):
            assert data.get(keyword) == source.get(keyword), keyword
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.file_meta.MediaStorageSOPClassUID == data.SOPClassUID
        assert data.InstanceNumber == 7
        assert "RESEARCH USE ONLY" in data.SeriesDescription
    capture, report = objects
    uids = {data[name].value for data in (source, capture, report) for name in ("SOPInstanceUID", "SeriesInstanceUID")}
    assert len(uids) == 6
    assert (capture.SOPClassUID, report.SOPClassUID) == (SecondaryCaptureImageStorage, ComprehensiveSRStorage)
    assert (capture.Modality, report.Modality) == ("OT", "SR")


def test_nothing_private_is_copied(written, tmp_path):
    written()
    for path in tmp_path.glob("*.dcm"):
        assert not [element for element in dcmread(path).iterall() if element.tag.is_private]
        assert b"private secret" not in path.read_bytes()


def test_the_same_answers_give_the_same_bytes_and_others_another_object(written, answers, tmp_path):
    _, capture, report = written()
    first = {path.name: path.read_bytes() for path in tmp_path.glob("*.dcm")}
    written()
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.dcm")} == first
    other = ImageAnswers(answers.bundle, answers.findings[:2])
    for before, after in zip((capture, report), written(other)[1:], strict=True):
        assert before.SOPInstanceUID != after.SOPInstanceUID
        assert before.SeriesInstanceUID == after.SeriesInstanceUID
    bundle = BundleName("Ensemble", "0.1.0", "cd" * 32)
    assert written(ImageAnswers(bundle, answers.findings))[1].SeriesInstanceUID != capture.SeriesInstanceUID


def test_pixels_of_the_capture_are_the_overlay_between_its_bands(written, overlay, answers):
    source, capture, _ = written()
    marked, row = mark(overlay, answers)
    np.testing.assert_array_equal(capture.pixel_array, marked)
    np.testing.assert_array_equal(capture.pixel_array[row : row + overlay.shape[0], : overlay.shape[1]], overlay)
    assert (capture.PhotometricInterpretation, capture.BurnedInAnnotation) == ("RGB", "YES")
    assert MARKING in capture.ImageComments
    assert capture.PatientOrientation == ["L", "F"]
    assert [item.ReferencedSOPInstanceUID for item in capture.SourceImageSequence] == [source.SOPInstanceUID]
    assert "LossyImageCompression" not in capture


def test_an_overlay_of_another_shape_says_nothing_of_its_orientation(make_header, answers, tmp_path):
    path, _ = write_dicom(make_header(), np.zeros((60, 40, 3), np.uint8), answers, tmp_path / "turned")
    assert dcmread(path)["PatientOrientation"].is_empty
    path, _ = write_dicom(make_header(), np.zeros((40, 60, 3), np.uint8), answers, tmp_path / "upright", turned=True)
    assert dcmread(path)["PatientOrientation"].is_empty
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 is needed"):
        write_dicom(make_header(), np.zeros((60, 40), np.uint8), answers, tmp_path / "grey")


def test_what_was_lossy_once_stays_called_so(written):
    _, capture, report = written(LossyImageCompression="01", LossyImageCompressionRatio="10")
    assert (capture.LossyImageCompression, capture.LossyImageCompressionRatio) == ("01", 10)
    assert "LossyImageCompression" not in report


@pytest.mark.parametrize("keyword", NEEDED)
def test_a_source_without_what_filing_needs_is_a_sentence_and_no_file(keyword, make_header, overlay, answers, tmp_path):
    for value in (None, "", "not a uid"):
        source = make_header()
        if value is None:
            del source[keyword]
        else:
            source[keyword]._value = value
        with pytest.raises(UnfiledError, match=f"its {keyword} is .*no DICOM object can be filed"):
            write_dicom(source, overlay, answers, tmp_path / "image")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tags", [
    {},
    dict.fromkeys((*EMPTY_IF_UNKNOWN, "PatientAge", "IssuerOfPatientID", "PatientOrientation", "InstanceNumber")),
    {"SpecificCharacterSet": "ISO_IR 144", "PatientName": "Люкceмбypг", "StudyDescription": "Грудь"},
    {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
    {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Wang^XiaoDong=王^小东"},
    {"TimezoneOffsetFromUTC": "-0330"},
], ids=["whole", "without type 2", "Cyrillic", "Japanese", "UTF-8", "time zone"])  # fmt: skip
def test_an_independent_validator_finds_no_error(tags, written, tmp_path):
    written(**tags)
    paths = list(tmp_path.glob("*.dcm"))
    assert len(paths) == 2
    assert [error for path in paths for error in errors_of(path)] == []


@pytest.mark.parametrize("name", CHESTS)
def test_an_independent_validator_finds_no_error_beside_real_files(name, real_data, answers, tmp_path):
    file = real_data / "dicom" / f"{name}.dcm"
    grey = read_dicom(file.read_bytes())
    source = dcmread(file, stop_before_pixels=True)
    paths = write_dicom(source, np.repeat(grey[..., None], 3, axis=2), answers, tmp_path / name)
    assert [error for path in paths for error in errors_of(path)] == []
    assert {dcmread(path).StudyInstanceUID for path in paths} == {source.StudyInstanceUID}


def test_the_validator_sees_errors(written, tmp_path):
    _, capture, report = written()
    del capture.ConversionType
    del report.ContentSequence[-1].ContentSequence[0].ContentSequence[7].MeasuredValueSequence
    for data in (capture, report):
        data.save_as(tmp_path / "broken.dcm")
        assert errors_of(tmp_path / "broken.dcm")


def test_findings_in_any_script_can_be_written(written):
    said = ImageAnswers(BundleName("Бета\\1", "0", "0" * 64), (FindingAnswer("Пневмония лёгких", 0.25, 0.5, False),))
    source, capture, report = written(said)
    for data in (capture, report):
        assert data.SpecificCharacterSet == "ISO_IR 192"
        assert data.PatientName == source.PatientName
        assert data.ManufacturerModelName == "Бета/1"
    group = report.ContentSequence[-1].ContentSequence[0]
    assert group.ContentSequence[2].ConceptCodeSequence[0].CodeMeaning == "Пневмония лёгких"
