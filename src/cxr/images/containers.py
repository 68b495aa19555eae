"""PNG and JPEG bytes in, checked and without their metadata out; nothing is decoded here.

Decoders fill up a truncated file silently, stumble over damaged metadata and write to the terminal about both. So a
file is walked block by block first: it must be whole, and only what makes up the image goes on to the decoder.
"""

import zlib
from typing import NamedTuple

PNG_HEAD, JPEG_HEAD, JPEG_TAIL = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd9"
PNG_BLOCKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
"""What makes up the image; transparency, colour profiles, animation and text do not."""
SCAN, APP1, FILL = 0xDA, 0xE1, 0xFF
JPEG_METADATA = (*range(APP1, 0xEE), 0xEF, 0xFE)
"""JPEG markers of APPs and comments, but for APP0 (JFIF) and APP14 (Adobe), which say what the colours mean."""
EXIF_HEAD, ORIENTATION = b"Exif\0\0", 0x0112
MAX_PIXELS = 100_000_000
"""Film digitised at 50 um has 60 million; anything above comes from a damaged header and would only eat memory."""


class ImageError(ValueError):
    """An image that cannot be used; the message says why, without the path (the caller knows it)."""


class FormatError(ImageError):
    """Content of another format."""


class Bare(NamedTuple):
    """An image file without metadata. orientation: as EXIF counts, 1 (upright) to 8."""

    content: bytes
    orientation: int


def check_size(width_px: int, height_px: int) -> None:
    """Refuse images without pixels and images too large to be an X-ray."""
    if not 0 < width_px * height_px <= MAX_PIXELS:
        raise ImageError(f"claims {width_px} x {height_px} pixels; 1 to {MAX_PIXELS} are supported")


def strip_png(content: bytes) -> Bare:
    """Check every block's length and checksum (PNG specification, 5.3) and keep those of the image."""
    kept, orientation, start = [PNG_HEAD], 1, len(PNG_HEAD)
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4])
        name, checksum = content[start + 4 : start + 8], int.from_bytes(content[end - 4 : end])
        if end > len(content):
            break
        if zlib.crc32(content[start + 4 : end - 4]) != checksum:
            raise ImageError("is damaged: the checksum of one of its blocks is wrong")
        if name == b"eXIf":
            orientation = read_orientation(content[start + 8 : end - 4])
        if name in PNG_BLOCKS:
            kept.append(content[start:end])
        if name == b"IHDR":
            check_size(
                int.from_bytes(content[start + 8 : start + 12]), int.from_bytes(content[start + 12 : start + 16])
            )
        if name == b"IEND":
            return Bare(b"".join(kept), orientation)
        start = end
    raise ImageError("is truncated: its end marker is missing")


def strip_jpeg(content: bytes) -> Bare:
    """Check that the end marker is there and drop the metadata before the first scan (ITU T.81, B.1.1)."""
    kept, orientation, start = [content[:2]], 1, 2
    while (marker := content[start + 1 : start + 2]) and marker[0] != SCAN:
        if content[start] != FILL:
            raise ImageError("is damaged: its header is broken")
        if marker[0] == FILL:  # padding before a marker
            start += 1
            continue
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4])
        if marker[0] == APP1 and content[start + 4 : start + 10] == EXIF_HEAD:
            orientation = read_orientation(content[start + 10 : end])
        if marker[0] not in JPEG_METADATA:
            kept.append(content[start:end])
        start = end
    scans = content[start:]
    if JPEG_TAIL not in scans[-1024:]:  # some writers pad behind the end marker
        raise ImageError("is truncated: its end marker is missing")
    return Bare(b"".join([*kept, scans]), orientation)


def read_orientation(exif: bytes) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where it is not written or the block is damaged (EXIF 2.32, 4.6.4)."""
    order = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None:
        return 1

    def number(start: int, size: int) -> int:
        return int.from_bytes(exif[start : start + size], order)

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + 12 * number(first, 2), 12):
        if number(entry, 2) == ORIENTATION:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1
