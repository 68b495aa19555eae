"""DICOM files in, (H, W) uint8 grey and the tags a data set needs out; what is no frontal chest X-ray is refused.

Parts of the standard are named as in DICOM PS3.3 2024. Decoders of compressed files come with requirements-dicom.txt.
"""

import atexit
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cxr.config.errors import first_line
from cxr.images.containers import ImageError, check_size
from cxr.images.isolated import CrashedError, Isolated

MARK, MARK_AT = b"DICM", 128
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
    return content[MARK_AT : MARK_AT + 4] == MARK


def read_tags(path: Path) -> DicomTags:
    """Read a file's header without its pixels; `refused` says why where it cannot be used, or cannot be read."""
    try:
        with path.open("rb") as stream:
            data = _parse(stream, pixels=False)
        with _broken_tags("cannot be read as DICOM"):
            return _tags_of(data)
    except (OSError, ImageError) as error:
        return DicomTags("", "", "", "", "", "", str(error))


def _tags_of(data: Any) -> DicomTags:
    patient = _text(data, "PatientID")
    issuer = _text(data, "IssuerOfPatientID")
    return DicomTags(
        image_uid=_text(data, "SOPInstanceUID"),
        study_uid=_text(data, "StudyInstanceUID"),
        patient=f"{issuer}|{patient}" if patient and issuer else patient,
        sex=_text(data, "PatientSex"),
        age=_text(data, "PatientAge"),
        view=_view(data),
        refused=why_refused(data),
    )


def read_dicom(content: bytes) -> np.ndarray:
    """Return the image of a DICOM file as (H, W) uint8 grey, white bone: what a viewer shows at first.

    Modality LUT, then the first VOI LUT or window (C.11.1, C.11.2); without either the stored values from their minimum
    to their maximum, padding (C.7.5.1.1.2) left out. MONOCHROME1 is inverted; colour becomes luminance.

    Compressed files are decoded in a process of its own, which a damaged one may bring down. Raises ImageError for
    files without pixels, of other modalities, body parts and views, and for what cannot be decoded.
    """
    data = _parse(BytesIO(content), pixels=True)
    with _broken_tags("cannot be read as DICOM"):
        reason = why_refused(data)
        compressed = data.file_meta.TransferSyntaxUID.is_compressed
    if reason:
        raise ImageError(reason)
    if "PixelData" not in data:
        raise ImageError("holds no pixels")
    if not compressed:
        return _render(data)
    try:
        return _decoder()(content)
    except CrashedError as crash:
        raise ImageError("cannot be decoded: the decoder crashed over it; the file is damaged") from crash
    except RuntimeError as error:  # of that process: the sentence of an ImageError
        raise ImageError(str(error)) from error


def _render(data: Any) -> np.ndarray:
    """Return what is shown of a file's pixels, (H, W) uint8."""
    stored = _decode(data)
    with warnings.catch_warnings(), _broken_tags("cannot be displayed"):
        warnings.simplefilter("ignore")  # of values that the standard does not allow; they are what is there
        shown, low, high = _displayed(data, stored)
    if not high > low:
        raise ImageError(f"has no contrast: every pixel is {low:g}")
    grey = np.clip((shown - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return 255 - grey if _text(data, "PhotometricInterpretation") == "MONOCHROME1" else grey


def _render_content(content: bytes) -> np.ndarray:
    return _render(_parse(BytesIO(content), pixels=True))


_DECODERS = threading.local()


def _decoder() -> Isolated:
    """The decoding process of this thread."""
    if not hasattr(_DECODERS, "one"):
        _DECODERS.one = Isolated(_render_content)
        atexit.register(_DECODERS.one.close)
    return _DECODERS.one


@contextmanager
def _broken_tags(what: str) -> Iterator[None]:
    """Turn whatever pydicom raises over tags of a wrong type or value into an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{what}: {first_line(error)}") from error


def why_refused(data: Any) -> str:
    """Return why a file is no single frontal chest X-ray, by its tags; "" where nothing speaks against it."""
    modality, part, view = (_text(data, tag).upper() for tag in ("Modality", "BodyPartExamined", "ViewPosition"))
    if modality and modality not in MODALITIES:
        return f"is of modality {modality}; allowed are {', '.join(MODALITIES)}"
    if part and not any(word in part for word in CHEST_WORDS):
        return f"shows the body part {part}, not the chest"
    if _view(data) == "LATERAL":
        return f"is a lateral or oblique view ({view or 'by its view code'})"
    if _text(data, "PresentationIntentType") == "FOR PROCESSING":
        return "is a raw detector image (FOR PROCESSING), not one for display"
    frames = _text(data, "NumberOfFrames")
    if frames not in ("", "0", "1"):
        return f"has {frames} frames; one is needed"
    if "Rows" not in data or "Columns" not in data:
        return "holds no pixels"
    return ""


def _parse(stream: BinaryIO, pixels: bool) -> Any:
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


def _decode(data: Any) -> np.ndarray:
    """Return the stored pixels (H, W); colour becomes luminance (ITU-R BT.601)."""
    from pydicom.pixels import apply_color_lut

    with _broken_tags("cannot be decoded"):
        check_size(int(data.Columns), int(data.Rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = data.pixel_array
            if _text(data, "PhotometricInterpretation") == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, data)
        except Exception as error:
            raise ImageError(_why_not_decoded(data, error)) from error
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        return np.round(pixels @ np.array([0.299, 0.587, 0.114])).astype(pixels.dtype)
    if pixels.ndim != 2:
        raise ImageError(f"has pixels of shape {pixels.shape}; one grey or colour image is needed")
    return pixels


def _why_not_decoded(data: Any, error: Exception) -> str:
    if "missing dependencies" in str(error) or "plugins" in str(error):
        syntax = data.file_meta.TransferSyntaxUID.name
        return f"is compressed as {syntax}, whose decoder is not installed or failed; requirements-dicom.txt has it"
    return f"cannot be decoded: {first_line(error)}"


def _displayed(data: Any, stored: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the values to show and the two that become black and white."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing

    values = apply_modality_lut(stored, data)
    if data.get("VOILUTSequence"):
        bits = int(data.VOILUTSequence[0].LUTDescriptor[2])
        return apply_voi_lut(values, data).astype(np.float32), 0.0, 2.0**bits - 1
    if data.get("WindowCenter") not in (None, "") and data.get("WindowWidth") not in (None, ""):
        ends = apply_windowing(np.array([-1e12, 1e12]), data)
        return apply_windowing(values, data).astype(np.float32), float(ends[0]), float(ends[1])
    padding = data.get("PixelPaddingValue")
    real = values if padding is None else values[stored != padding]
    real = values if real.size == 0 else real
    return values.astype(np.float32), float(real.min()), float(real.max())


def _view(data: Any) -> str:
    """PA, AP, LATERAL, another view position as it is written, or ""."""
    view = _text(data, "ViewPosition").upper()
    codes = data.get("ViewCodeSequence") or []
    meanings = " ".join(_text(code, "CodeMeaning").lower() for code in codes)
    if view in LATERAL_VIEWS or "lateral" in meanings or "oblique" in meanings:
        return "LATERAL"
    if not view and "postero-anterior" in meanings:
        return "PA"
    if not view and "antero-posterior" in meanings:
        return "AP"
    return view


def _text(data: Any, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value).strip()
