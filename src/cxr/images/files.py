"""Image files: PNG or JPEG of any depth and colour model in, (H, W) uint8 grey out; grey or RGB arrays to PNG."""

from pathlib import Path

import cv2
import numpy as np

from cxr.config.atomic import written_atomically

PNG_HEAD, PNG_TAIL = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
JPEG_HEAD, JPEG_TAIL = b"\xff\xd8\xff", b"\xff\xd9"
BIT_DEPTHS = (8, 10, 12, 14, 16)


class ImageError(ValueError):
    """An image that cannot be used; the message says why, without the path (the caller knows it)."""


def read_image(path: Path) -> np.ndarray:
    """Read one PNG or JPEG file as (H, W) uint8 grey.

    Colour and CMYK become luminance, an alpha channel is dropped (NIH ships grey stored as RGBA, alpha always full),
    16-bit files are scaled from the smallest detector depth (8, 10, 12, 14 or 16 bit) that holds their maximum.

    Raises ImageError for files that are missing, empty, truncated, of another format or without contrast.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    _check_complete(content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError("cannot be decoded: the file is damaged")
    if pixels.ndim == 3:
        pixels = _luminance(pixels)
    grey = _to_uint8(pixels)
    if grey.min() == grey.max():
        raise ImageError(f"has no contrast: every pixel is {int(grey.flat[0])}")
    return grey


def _check_complete(content: bytes) -> None:
    """Refuse what the decoder would fill up silently: OpenCV returns grey rows for the missing part of a file."""
    if not content:
        raise ImageError("is empty (0 bytes)")
    if content.startswith(PNG_HEAD):
        complete = PNG_TAIL in content[-64:]
    elif content.startswith(JPEG_HEAD):
        complete = JPEG_TAIL in content[-1024:]  # some writers pad behind the end marker
    else:
        raise ImageError(f"is neither PNG nor JPEG (it starts with {content[:4]!r})")
    if not complete:
        raise ImageError("is truncated: its end marker is missing")


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


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 `pixels` as PNG, atomically."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(".png", pixels)
    if not encoded:
        raise OSError(f"{path}: the PNG encoder failed on an array of shape {pixels.shape}")
    with written_atomically(Path(path)) as part:
        part.write_bytes(content.tobytes())
