"""Pictures in, data URIs out: what a self-contained HTML file shows without asking any other file."""

import base64
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError

FIGURE_DPI = 120
JPEG_QUALITY = 80
COLOURS = 96


def figure_uri(figure: Figure, path: Path | None = None) -> str:
    """Return a figure as a PNG data URI of at most COLOURS; with a path, write it there in full, atomically."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=FIGURE_DPI)
    if path is not None:
        with written_atomically(path) as part:
            part.write_bytes(stream.getvalue())
    return _data_uri(_with_palette(stream), "png")


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, atomically."""
    with written_atomically(path) as part:
        figure.savefig(part, format="png", dpi=FIGURE_DPI)


def picture_uri(path: Path, width_px: int) -> str:
    """Return a picture file as a JPEG data URI, at most `width_px` wide; UserError when it cannot be read."""
    try:
        with Image.open(path) as picture:
            picture = picture.convert("RGB")
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken PNG chunks
        raise UserError(f"{path}: cannot be read as a picture ({error}).") from error
    if picture.width > width_px:
        picture = picture.resize((width_px, round(picture.height * width_px / picture.width)), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return _data_uri(stream.getvalue(), "jpeg")


def _with_palette(png: io.BytesIO) -> bytes:
    """A figure has few colours and their blends: a palette shows the same in a third of the bytes."""
    with Image.open(png) as picture:
        reduced = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    reduced.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def array_uri(pixels: np.ndarray) -> str:
    """Return (H, W) grey uint8 as a JPEG data URI."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return _data_uri(stream.getvalue(), "jpeg")


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
