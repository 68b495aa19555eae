"""What is copied from a source's header: names as they are written, nothing that is not allowed, times in its zone."""

import io
from datetime import UTC, datetime

import pytest
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from cxr.prediction.dicom.header import copied_value, new_header, set_character_set

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
def test_a_name_is_copied_byte_for_byte(characters, name, make_source, answers):
    raw = make_source(SpecificCharacterSet=characters, PatientName=name).get_item("PatientName").value
    data = made(make_source(SpecificCharacterSet=characters, PatientName=name), answers)
    assert data.get_item("PatientName").value == raw
    assert data.PatientName == name


def test_bytes_without_a_character_set_stay_as_they_are(make_source, answers):
    source = make_source(SpecificCharacterSet="", PatientName="Müller^Jörg")
    assert b"M\xfcller" in source.get_item("PatientName").value
    assert b"M\xfcller" in made(source, answers).get_item("PatientName").value


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
def test_dates_and_codes_are_copied_where_allowed_and_numbers_always(keyword, written, copied, make_source):
    source = make_source()
    source[keyword]._value = written
    assert copied_value(source, keyword) == copied


@pytest.mark.parametrize(("zone", "date", "time"), [
    ("+0900", "20260302", "083005"),
    ("-0330", "20260301", "200005"),
])  # fmt: skip
def test_times_of_creation_are_in_the_zone_of_the_source(zone, date, time, make_source, answers):
    data = made(make_source(TimezoneOffsetFromUTC=zone), answers)
    assert (data.TimezoneOffsetFromUTC, data.ContentDate, data.ContentTime) == (zone, date, time)
    assert (data.InstanceCreationDate, data.InstanceCreationTime) == (date, time)
    assert data.StudyTime == "101112"


def test_a_zone_that_is_none_is_not_copied(make_source, answers):
    data = made(make_source(TimezoneOffsetFromUTC="CET"), answers)
    assert "TimezoneOffsetFromUTC" not in data
    assert (data.ContentDate, data.ContentTime) == ("20260301", "233005")
