"""Small pictures, and the bytes of image files made of them by Pillow or block by block."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 40, 60


def colour_ramp():
    """(H, W, 3) uint8 with smooth, different channels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x * 4, y * 6, (x + y) * 2], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def colours():
    return Image.fromarray(colour_ramp())


@pytest.fixture(scope="session")
def grey(colours):
    return colours.convert("L")


@pytest.fixture(scope="session")
def encode():
    """A function: a Pillow image, a format, Pillow's options -> the bytes of the file."""

    def encode(image, kind, **options):
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        return stream.getvalue()

    return encode


@pytest.fixture(scope="session")
def pillow():
    """A function: the bytes of a file -> Pillow's image of it."""
    return lambda content: Image.open(io.BytesIO(content))


@pytest.fixture(scope="session")
def png_blocks():
    """A function that builds a PNG by its specification: (H, W, C) uint8 or uint16, colour type, further blocks."""

    def block(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    def build(pixels, colour_type, size=None, more=()):
        bits = pixels.dtype.itemsize * 8
        width, height = size or (pixels.shape[1], pixels.shape[0])
        rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in pixels)
        head = block(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))
        extra = b"".join(block(name, content) for name, content in more)
        return b"\x89PNG\r\n\x1a\n" + head + extra + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")

    return build
