"""Image files: PNG, JPEG or DICOM of any depth and colour model in, (H, W) uint8 grey out; arrays to PNG or JPEG."""

from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from cxr.config.atomic import written_atomically
from cxr.images.containers import JPEG_HEAD, PNG_HEAD, FormatError, ImageError, check_size, strip_jpeg, strip_png
from cxr.images.dicom import read_dicom
from cxr.images.dicom_tags import is_dicom

BIT_DEPTHS = (8, 10, 12, 14, 16)
JPEG_QUALITY = 95
MAX_BYTES = 1_000_000_000
"""The largest image of colour in 16 bit, not compressed, has 600 million."""
DICOM_SUFFIXES = (".dcm", ".dicom")


def read_image(path: Path) -> np.ndarray:
    """Read one PNG, JPEG or DICOM file as (H, W) uint8 grey; the content says what it is (of bare DICOM the suffix).

    Raises ImageError for files that are missing or too large, and as `decode_image`.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode) and not S_ISDIR(found.st_mode):
            raise ImageError("is a pipe or a device, which may never end")
        if found.st_size > MAX_BYTES:
            raise ImageError(f"has {found.st_size} bytes; at most {MAX_BYTES} are supported")
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    return decode_image(content, path.suffix.lower() in DICOM_SUFFIXES)


def decode_image(content: bytes, may_be_bare: bool = False) -> np.ndarray:
    """Turn a PNG, JPEG or DICOM file's content into (H, W) uint8 grey. may_be_bare: DICOM without preamble.

    Colour becomes luminance, CMYK too (stored inverted, as Adobe does; the format does not say). An alpha channel is
    dropped (NIH ships grey stored as RGBA, alpha always full). 16-bit files are scaled from the smallest detector depth
    (8, 10, 12, 14 or 16 bit) that holds their maximum. An EXIF orientation, as phones and exports write it, is applied:
    the array is what an image viewer shows.

    Raises FormatError, an ImageError, for content of another format, ImageError for what is empty, truncated, damaged
    or without contrast. Damage inside a JPEG's scan may go unnoticed: the format has no checksums.
    """
    if not content:
        raise FormatError("is empty (0 bytes)")
    if content.startswith(PNG_HEAD):
        pixels, orientation = _decode_png(content)
    elif content.startswith(JPEG_HEAD):
        pixels, orientation = _decode_jpeg(content)
    elif is_dicom(content) or may_be_bare:
        pixels, orientation = read_dicom(content), 1
    else:
        raise FormatError(f"is neither PNG nor JPEG nor DICOM (it starts with {content[:4]!r})")
    grey = _upright(_to_uint8(pixels), orientation)
    if grey.min() == grey.max():
        raise ImageError(f"has no contrast: every pixel is {int(grey.flat[0])}")
    return grey


def _decode_png(content: bytes) -> tuple[np.ndarray, int]:
    """Return (H, W) of 8 or 16 bit and the EXIF orientation."""
    bare = strip_png(content)
    pixels = cv2.imdecode(np.frombuffer(bare.content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError("cannot be decoded: the file is damaged")
    return _luminance(pixels) if pixels.ndim == 3 else pixels, bare.orientation


def _decode_jpeg(content: bytes) -> tuple[np.ndarray, int]:
    """Return (H, W) uint8 and the EXIF orientation. Pillow, because OpenCV's decoder writes about damage to stderr."""
    bare = strip_jpeg(content)
    try:
        with JpegImageFile(BytesIO(bare.content)) as image:
            check_size(*image.size)
            image.draft("L", None)  # colour: decode its luminance only
            return np.array(image.convert("L")), bare.orientation
    except (OSError, SyntaxError) as error:
        raise ImageError(f"cannot be decoded: {error}") from error


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an (H, W) image so that the first row is its top (EXIF 2.32, 4.6.4, tag Orientation)."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _luminance(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 2..4) of one depth, BGR or grey with alpha, -> (H, W) of the same dtype; alpha is dropped."""
    if pixels.shape[2] == 2:
        return pixels[:, :, 0]
    return cv2.cvtColor(np.ascontiguousarray(pixels[:, :, :3]), cv2.COLOR_BGR2GRAY)


def _to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Scale integers of 8 to 16 bit to uint8."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype != np.uint16:
        raise ImageError(f"has pixels of type {pixels.dtype}; 8- and 16-bit integers are supported")
    depth = next(bits for bits in BIT_DEPTHS if int(pixels.max()) < 2**bits)
    return (pixels >> (depth - 8)).astype(np.uint8)


def encode_png(pixels: np.ndarray) -> bytes:
    """Return (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA uint8 `pixels` as the bytes of a PNG file."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    encoded, content = cv2.imencode(".png", pixels)
    if not encoded:
        raise OSError(f"the PNG encoder failed on an array of shape {pixels.shape}")
    return content.tobytes()


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 `pixels` as PNG, atomically."""
    content = encode_png(pixels)
    with written_atomically(Path(path)) as part:
        part.write_bytes(content)


def write_jpeg(path: Path, pixels: np.ndarray, quality: int = JPEG_QUALITY) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 `pixels` as JPEG, atomically."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise OSError(f"{path}: the JPEG encoder failed on an array of shape {pixels.shape}")
    with written_atomically(Path(path)) as part:
        part.write_bytes(content.tobytes())
