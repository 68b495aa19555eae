"""The source's header in, the header of a new object of the same patient and study out.

Only the attributes listed here are copied, so private tags never are. Parts of the standard are named as in PS3.3 2024.
"""

import re
import warnings
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import PersonName, validate_value

from cxr import __version__
from cxr.prediction.dicom.answers import BundleName
from cxr.prediction.dicom.codes import LONGEST_MEANING, short_text

NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
"""Type 1: without these nothing can be filed beside the source or refer to it."""
EMPTY_IF_UNKNOWN = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",  # C.7.1.1
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",  # C.7.2.1
)  # fmt: skip
"""Type 2: present in every object, empty where the source has none."""
COPIED_IF_KNOWN = (
    "IssuerOfPatientID", "PatientBirthTime", "PatientIdentityRemoved", "DeidentificationMethod",
    "StudyDescription", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
"""Type 3 of the patient, study and patient study modules that help an archive to match, and that are plain values."""
CHECKED = ("DA", "TM", "AS", "CS", "DS")
"""Value representations that are left out where the source's value is not allowed; names and numbers of patients and
studies are copied as they are, since an archive matches by them."""
SEXES = ("M", "F", "O")
SERIES_NUMBERS = {"overlay": 9001, "findings": 9002}
"""Behind the source's own series in a viewer's list."""
BLANK_PREAMBLE = b"\0" * 128


class UnfiledError(Exception):
    """Why nothing can be filed beside a source: a sentence without the file's name."""


def new_header(source: Dataset, sop_class: UID, kind: str, content: str, bundle: BundleName, when: datetime) -> Dataset:
    """Return a new object with patient, study, series, equipment and SOP common modules, and its file's meta header.

    kind: "overlay" or "findings", part of the UIDs and the series' description. content: a digest of what the object
    says. UIDs are a function of the source, the bundle, the content and our version: the same answers by the same
    software give the same object.
    Raises UnfiledError where the source lacks what is needed.
    """
    needed = {keyword: needed_uid(source, keyword) for keyword in NEEDED}
    data = Dataset()
    for keyword in (*EMPTY_IF_UNKNOWN, *COPIED_IF_KNOWN):
        value = copied_value(source, keyword)
        if value is not None or keyword in EMPTY_IF_UNKNOWN:
            setattr(data, keyword, value)
    data.StudyInstanceUID = needed["StudyInstanceUID"]
    # One series for what one bundle says of one series: instance numbers stay as unique as the source's.
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[needed["SeriesInstanceUID"], bundle.sha256, kind])
    data.SeriesNumber = SERIES_NUMBERS[kind]
    data.SeriesDescription = f"cxr {kind} - RESEARCH USE ONLY"
    data.InstanceNumber = max(_number(source, "InstanceNumber"), 1)
    data.Manufacturer = "cxr"
    data.ManufacturerModelName = short_text(bundle.name, LONGEST_MEANING)
    data.SoftwareVersions = [f"cxr {__version__}", short_text(f"bundle {bundle.version}", LONGEST_MEANING)]
    data.SOPClassUID = sop_class
    said = [bundle.sha256, kind, content, __version__]
    data.SOPInstanceUID = generate_uid(entropy_srcs=[needed["SOPInstanceUID"], *said])
    _date(data, source, when)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.preamble = BLANK_PREAMBLE
    return data


def set_character_set(data: Dataset, source: Dataset, own_texts: Iterable[str]) -> None:
    """Give an object the source's character set, which every set can write ASCII in; UTF-8 where our texts need it."""
    value = source_value(source, "SpecificCharacterSet")
    declared = list(value) if isinstance(value, MultiValue) else [value or ""]
    if not all(isinstance(one, str) for one in declared):
        declared = []
    if not all(text.isascii() for text in own_texts):
        declared = ["ISO_IR 192"]
    if any(declared):
        data.SpecificCharacterSet = declared


def source_reference(source: Dataset) -> Dataset:
    """Return an item that refers to the source image (table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID = needed_uid(source, "SOPClassUID")
    item.ReferencedSOPInstanceUID = needed_uid(source, "SOPInstanceUID")
    return item


def copied_value(source: Dataset, keyword: str) -> Any:
    """Return the source's value as it may be written; None where it has none, or not one that is allowed."""
    value, vr = source_value(source, keyword), dictionary_VR(keyword)
    if value is None or isinstance(value, bytes | Sequence) or str(value) == "":
        return None
    if vr == "PN":
        return value if isinstance(value, PersonName) else PersonName(str(value))
    if vr not in CHECKED:
        return [str(one) for one in value] if isinstance(value, MultiValue) else str(value)
    text = str(value).strip()
    if vr in ("DA", "TM") and re.fullmatch(r"\d{4}\.\d\d\.\d\d|\d\d:\d\d:\d\d(\.\d+)?", text):
        text = text.replace(":", "") if ":" in text else text.replace(".", "")  # as ACR-NEMA wrote them
    try:
        validate_value(vr, text, config.RAISE)
    except ValueError:
        return None
    return None if keyword == "PatientSex" and text not in SEXES else text


def source_shape(source: Dataset) -> tuple[int, int]:
    """The source's rows and columns; 0 where it does not say."""
    return _number(source, "Rows"), _number(source, "Columns")


def source_value(source: Dataset, keyword: str) -> Any:
    """A value, or None; pydicom raises and warns in many ways over broken ones, which then are as good as missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return source.get(keyword)
        except Exception:
            return None


def needed_uid(source: Dataset, keyword: str) -> str:
    """Return a UID of the source; UnfiledError where it has none."""
    text = str(source_value(source, keyword) or "").strip()
    if not re.fullmatch(r"[0-9.]{1,64}", text):
        found = f"is '{short_text(text, 80)}', no UID" if text else "is missing"
        raise UnfiledError(f"its {keyword} {found}, so that no DICOM object can be filed beside it")
    return text


def _number(source: Dataset, keyword: str) -> int:
    try:
        return max(int(source_value(source, keyword)), 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _date(data: Dataset, source: Dataset, when: datetime) -> None:
    """Write when the object was made: in the source's time zone where it names one, since that holds for all times."""
    offset = re.fullmatch(r"([+-])(\d\d)([0-5]\d)", str(source_value(source, "TimezoneOffsetFromUTC") or "").strip())
    if offset and int(offset[2]) <= 14:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        when = when.astimezone(timezone(ahead if offset[1] == "+" else -ahead))
        data.TimezoneOffsetFromUTC = offset[0]
    for name in ("InstanceCreation", "Content"):
        setattr(data, f"{name}Date", when.strftime("%Y%m%d"))
        setattr(data, f"{name}Time", when.strftime("%H%M%S"))
