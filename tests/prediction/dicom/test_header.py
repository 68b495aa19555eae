"""What is copied from a source's header: names as they are written, nothing that is not allowed, times in its zone."""

import io
import warnings
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import SecondaryCaptureImageStorage

from cxr.prediction.dicom.capture import build_capture
from cxr.prediction.dicom.header import (
    COPIED_IF_KNOWN,
    EMPTY_IF_UNKNOWN,
    copied_value,
    new_header,
    set_character_set,
)
from cxr.prediction.dicom.report import build_report

WHEN = datetime(2026, 3, 1, 23, 30, 5, tzinfo=UTC)


def made(source, answers):
    """A new object, read back from its bytes without a value looked at."""
    data = new_header(source, SecondaryCaptureImageStorage, "overlay", "", answers.bundle, WHEN)
    set_character_set(data, source, [])
    stream = io.BytesIO()
    data.save_as(stream)
    return dcmread(io.BytesIO(stream.getvalue()), force=True)


@pytest.mark.parametrize(("characters", "name"), [
    ("ISO_IR 100", "Müller^Jörg"),
    ("ISO_IR 144", "Люкceмбypг"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
])  # fmt: skip
def test_a_name_is_copied_byte_for_byte(characters, name, make_header, answers):
    raw = make_header(SpecificCharacterSet=characters, PatientName=name).get_item("PatientName").value
    data = made(make_header(SpecificCharacterSet=characters, PatientName=name), answers)
    assert data.get_item("PatientName").value == raw
    assert data.PatientName == name


def test_bytes_without_a_character_set_stay_as_they_are(make_header, answers):
    source = make_header(SpecificCharacterSet="", PatientName="Müller^Jörg")
    assert b"M\xfcller" in source.get_item("PatientName").value
    assert b"M\xfcller" in made(source, answers).get_item("PatientName").value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keyword=st.sampled_from((*EMPTY_IF_UNKNOWN, *COPIED_IF_KNOWN, "SpecificCharacterSet", "TimezoneOffsetFromUTC",
                             "InstanceNumber", "PatientOrientation", "Rows", "LossyImageCompressionRatio")),
    vr=st.sampled_from(("", "SH", "PN", "DA", "TM", "AS", "DS", "IS", "UN", "US", "SQ", "UT")),
    value=st.binary(max_size=20)
    | st.sampled_from([b"\x1b$B;3ED", b"ISO_IR 999", b"\\ISO 2022 IR 87", b"A=B=C=D=E", b"+9999", b"1e400", b"a\\b"]),
)  # fmt: skip
def test_whatever_stands_in_a_header_both_objects_can_be_written_and_read(
    keyword, vr, value, make_header, overlay, answers
):
    source, tag = make_header(), Tag(tag_for_keyword(keyword))
    source._dict[tag] = RawDataElement(tag, vr or dictionary_VR(keyword), len(value), value, 0, False, True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in (build_capture(source, overlay, answers, WHEN), build_report(source, answers, WHEN)):
            stream = io.BytesIO()
            data.save_as(stream, enforce_file_format=True)
            assert dcmread(io.BytesIO(stream.getvalue())).StudyInstanceUID == "1.2.3"


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(("keyword", "written", "copied"), [
    ("StudyDate", "1995.07.20", "19950720"),
    ("StudyTime", "11:22:07", "112207"),
    ("StudyDate", "yesterday", None),
    ("PatientAge", "62", None),
    ("PatientSex", "F", "F"),
    ("PatientSex", "W", None),
    ("PatientBirthDate", "", None),
    ("PatientID", "4711", "4711"),
    ("AccessionNumber", "longer than sixteen characters", "longer than sixteen characters"),
])  # fmt: skip
def test_dates_and_codes_are_copied_where_allowed_and_numbers_always(keyword, written, copied, make_header):
    source = make_header()
    source[keyword]._value = written
    assert copied_value(source, keyword) == copied


@pytest.mark.parametrize(("zone", "date", "time"), [
    ("+0900", "20260302", "083005"),
    ("-0330", "20260301", "200005"),
])  # fmt: skip
def test_times_of_creation_are_in_the_zone_of_the_source(zone, date, time, make_header, answers):
    data = made(make_header(TimezoneOffsetFromUTC=zone), answers)
    assert (data.TimezoneOffsetFromUTC, data.ContentDate, data.ContentTime) == (zone, date, time)
    assert (data.InstanceCreationDate, data.InstanceCreationTime) == (date, time)
    assert data.StudyTime == "101112"


def test_a_zone_that_is_none_is_not_copied(make_header, answers):
    data = made(make_header(TimezoneOffsetFromUTC="CET"), answers)
    assert "TimezoneOffsetFromUTC" not in data
    assert (data.ContentDate, data.ContentTime) == ("20260301", "233005")
