"""DICOM files in, (H, W) uint8 grey out: what a viewer shows at first.

Parts of the standard are named as in DICOM PS3.3 2024. Decoders of compressed files come with requirements-dicom.txt.
"""

import atexit
import threading
import warnings
from io import BytesIO
from typing import Any

import numpy as np

from cxr.config.errors import first_line
from cxr.images.containers import ImageError, check_size
from cxr.images.dicom_tags import broken_tags, check_unpacked, parse_dicom, tag_text, why_refused
from cxr.images.isolated import CrashedError, Isolated

DECODER_BYTES = 6 * 1024**3
"""What 100 million pixels in colour take to decode and to show; a damaged or hostile file may ask for any amount."""
CODESTREAM_HEAD, CODESTREAM_WITHIN = b"\xff\x4f\xff\x51", 512
"""SOC and SIZ, which begin JPEG 2000, behind the headers of fragments and of a JP2 file."""


def read_dicom(content: bytes) -> np.ndarray:
    """Return the image of a DICOM file as (H, W) uint8 grey, white bone: what a viewer shows at first.

    Modality LUT, then the first VOI LUT or window (C.11.1, C.11.2); without either the stored values from their minimum
    to their maximum, padding (C.7.5.1.1.2) left out. MONOCHROME1 is inverted; colour becomes luminance.

    Compressed files are decoded in a process of its own, which a damaged one may bring down. Raises ImageError for
    files without pixels, of other modalities, body parts and views, and for what cannot be decoded.
    """
    check_unpacked(content)
    data = parse_dicom(BytesIO(content), pixels=True)
    with broken_tags("cannot be read as DICOM"):
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
    with warnings.catch_warnings(), broken_tags("cannot be displayed"):
        warnings.simplefilter("ignore")  # of values that the standard does not allow; they are what is there
        shown, low, high = _displayed(data, stored)
    if not high > low:
        raise ImageError(f"has no contrast: every pixel is {low:g}")
    grey = np.clip((shown - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return 255 - grey if tag_text(data, "PhotometricInterpretation") == "MONOCHROME1" else grey


def _render_content(content: bytes) -> np.ndarray:
    try:
        return _render(parse_dicom(BytesIO(content), pixels=True))
    except MemoryError as error:
        raise ImageError("cannot be decoded: it takes more memory than an X-ray does") from error


_DECODERS = threading.local()


def _decoder() -> Isolated:
    """The decoding process of this thread."""
    if not hasattr(_DECODERS, "one"):
        _DECODERS.one = Isolated(_render_content, DECODER_BYTES)
        atexit.register(_DECODERS.one.close)
    return _DECODERS.one


def _decode(data: Any) -> np.ndarray:
    """Return the stored pixels (H, W); colour becomes luminance (ITU-R BT.601)."""
    from pydicom.pixels import apply_color_lut

    with broken_tags("cannot be decoded"):
        check_size(int(data.Columns), int(data.Rows))
        _check_codestream(bytes(data.PixelData), int(data.Columns), int(data.Rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = data.pixel_array
            if tag_text(data, "PhotometricInterpretation") == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, data)
        except Exception as error:
            raise ImageError(_why_not_decoded(data, error)) from error
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        return np.round(pixels @ np.array([0.299, 0.587, 0.114])).astype(pixels.dtype)
    if pixels.ndim != 2:
        raise ImageError(f"has pixels of shape {pixels.shape}; one grey or colour image is needed")
    return pixels


def _check_codestream(pixels: bytes, columns: int, rows: int) -> None:
    """Refuse JPEG 2000 of another size than the header's, which a decoder would unpack all the same (T.800, A.5.1)."""
    start = pixels.find(CODESTREAM_HEAD, 0, CODESTREAM_WITHIN)
    if start < 0:
        return
    right, lower, left, upper = np.frombuffer(pixels, ">u4", 4, start + len(CODESTREAM_HEAD) + 4).tolist()
    if (right - left, lower - upper) != (columns, rows):
        raise ImageError(f"claims {columns} x {rows} pixels but holds {right - left} x {lower - upper}")


def _why_not_decoded(data: Any, error: Exception) -> str:
    syntax = data.file_meta.TransferSyntaxUID.name
    if "missing dependencies" in str(error):
        return f"is compressed as {syntax}, whose decoder is not installed; requirements-dicom.txt has it"
    if "plugins" in str(error):
        return f"cannot be decoded as {syntax}: it is damaged, or takes more memory than an X-ray does"
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
