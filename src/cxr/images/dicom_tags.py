"""The header of a DICOM file in, what a data set needs of it out; what is no frontal chest X-ray is refused.

Parts of the standard are named as in DICOM PS3.3 2024.
"""

import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cxr.config.errors import first_line
from cxr.images.containers import MAX_PIXELS, ImageError

MARK, MARK_AT = b"DICM", 128
DEFLATED, META_BYTES = b"1.2.840.10008.1.2.1.99", 100_000
MAX_UNPACKED, UNPACKED_PIECE = 3 * MAX_PIXELS, 1 << 20
"""Bytes: MAX_PIXELS in 16 bit and their header have 200 million."""
HEAD_BYTES = MARK_AT + len(MARK)
"""What `is_dicom` looks at."""
MODALITIES = ("CR", "DX", "DR", "RG", "XR")
"""Computed and digital radiography, digitised film (C.7.3.1.1.1); DR and XR are no defined terms, but are written."""
CHEST_WORDS = ("CHEST", "THORAX", "TORAX", "LUNG")
LATERAL_VIEWS = ("LL", "RL", "LAT", "LATERAL", "LLO", "RLO")
"""View positions (C.8.1.1.1.1) that are not frontal."""
TAGS = [
    "SOPClassUID", "Modality", "SOPInstanceUID", "StudyInstanceUID", "BodyPartExamined", "ViewPosition",
    "ViewCodeSequence", "PatientID", "IssuerOfPatientID", "PatientSex", "PatientAge", "NumberOfFrames", "Rows",
    "Columns", "PresentationIntentType", "PhotometricInterpretation",
]  # fmt: skip
"""Everything that is asked of a header; a file has at least one of the first two."""


@dataclass(frozen=True)
class DicomTags:
    """What a data set needs of a file's header, as text; "" where it is not given. refused: why it cannot be used."""

    image_uid: str
    study_uid: str
    patient: str
    sex: str
    age: str
    view: str
    refused: str


def is_dicom(content: bytes) -> bool:
    """Whether the content carries DICOM's mark behind the preamble (PS3.10, 7.1)."""
    return content[MARK_AT:HEAD_BYTES] == MARK


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM by its content: exports often have no ending, or a number for one."""
    try:
        with path.open("rb") as stream:
            return is_dicom(stream.read(HEAD_BYTES))
    except OSError:
        return False


def check_unpacked(content: bytes) -> None:
    """Refuse a deflated file (PS3.5, A.5) that is too large unpacked: pydicom would unpack it whole."""
    if not is_dicom(content) or DEFLATED not in content[HEAD_BYTES : HEAD_BYTES + META_BYTES]:
        return
    # (0002,0000) comes first and says how long the rest of the meta information is (PS3.10, 7.1)
    start = HEAD_BYTES + 12 + int.from_bytes(content[HEAD_BYTES + 8 : HEAD_BYTES + 12], "little")
    unpacker, seen, packed = zlib.decompressobj(-zlib.MAX_WBITS), 0, content[start:]
    try:
        while packed and not unpacker.eof:
            seen += len(unpacker.decompress(packed, UNPACKED_PIECE))
            packed = unpacker.unconsumed_tail
            if seen > MAX_UNPACKED:
                raise ImageError(f"unpacks to more than {MAX_UNPACKED} bytes, the most that is supported")
    except zlib.error as error:
        raise ImageError(f"cannot be read as DICOM: {first_line(error)}") from error


def read_tags(path: Path) -> DicomTags:
    """Read a file's header without its pixels; `refused` says why where it cannot be used, or cannot be read."""
    try:
        with path.open("rb") as stream:
            data = parse_dicom(stream, pixels=False)
        with broken_tags("cannot be read as DICOM"):
            return _tags_of(data)
    except (OSError, ImageError) as error:
        return DicomTags("", "", "", "", "", "", str(error))


def _tags_of(data: Any) -> DicomTags:
    patient = tag_text(data, "PatientID")
    issuer = tag_text(data, "IssuerOfPatientID")
    return DicomTags(
        image_uid=tag_text(data, "SOPInstanceUID"),
        study_uid=tag_text(data, "StudyInstanceUID"),
        patient=f"{issuer}|{patient}" if patient and issuer else patient,
        sex=tag_text(data, "PatientSex"),
        age=tag_text(data, "PatientAge"),
        view=_view(data),
        refused=why_refused(data),
    )


def why_refused(data: Any) -> str:
    """Return why a file is no single frontal chest X-ray, by its tags; "" where nothing speaks against it."""
    modality, part, view = (tag_text(data, tag).upper() for tag in ("Modality", "BodyPartExamined", "ViewPosition"))
    if modality and modality not in MODALITIES:
        return f"is of modality {modality}; allowed are {', '.join(MODALITIES)}"
    if part and not any(word in part for word in CHEST_WORDS):
        return f"shows the body part {part}, not the chest"
    if _view(data) == "LATERAL":
        return f"is a lateral or oblique view ({view or 'by its view code'})"
    if tag_text(data, "PresentationIntentType") == "FOR PROCESSING":
        return "is a raw detector image (FOR PROCESSING), not one for display"
    frames = tag_text(data, "NumberOfFrames")
    if frames not in ("", "0", "1"):
        return f"has {frames} frames; one is needed"
    if "Rows" not in data or "Columns" not in data:
        return "holds no pixels"
    return ""


def parse_dicom(stream: BinaryIO, pixels: bool) -> Any:
    """Return pydicom's data set, with or without the pixels; ImageError for what is none."""
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that the standard does not allow
        try:
            marked = is_dicom(stream.read(MARK_AT + len(MARK)))
            stream.seek(0)
            data = dcmread(stream, stop_before_pixels=not pixels, force=not marked)
            known = [data.get(tag) for tag in TAGS]  # values are parsed when they are asked for: broken ones fail here
            if "TransferSyntaxUID" not in data.file_meta:  # without preamble
                implicit = data.original_encoding[0]
                data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        except Exception as error:  # pydicom raises whatever a broken file leads to
            raise ImageError(f"cannot be read as DICOM: {first_line(error)}") from error
    if all(value is None for value in known[:2]):
        raise ImageError("is no DICOM file: it has neither SOP class nor modality")
    return data


@contextmanager
def broken_tags(what: str) -> Iterator[None]:
    """Turn whatever pydicom raises over tags of a wrong type or value into an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{what}: {first_line(error)}") from error


def _view(data: Any) -> str:
    """PA, AP, LATERAL, another view position as it is written, or ""."""
    view = tag_text(data, "ViewPosition").upper()
    codes = data.get("ViewCodeSequence") or []
    meanings = " ".join(tag_text(code, "CodeMeaning").lower() for code in codes)
    if view in LATERAL_VIEWS or "lateral" in meanings or "oblique" in meanings:
        return "LATERAL"
    if not view and "postero-anterior" in meanings:
        return "PA"
    if not view and "antero-posterior" in meanings:
        return "AP"
    return view


def tag_text(data: Any, tag: str) -> str:
    """A tag's value as text, "" where it is not given."""
    value = data.get(tag)
    return "" if value is None else str(value).strip()
