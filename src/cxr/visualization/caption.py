"""Pieces of text with their colours in, a strip of lines out that is as high as it must be: nothing is cut off."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT_COLOUR, SOFT_COLOUR, BACKGROUND = (235, 235, 235), (165, 165, 165), (18, 18, 18)
LEFT_PX, BETWEEN_PX, FONT_PX = 6, 14, 14
Piece = tuple[str, tuple[int, int, int]]
"""A text that stays on one line where it can, and its colour."""


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along: names of images are not always in English."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)


def write_caption(pieces: Sequence[Piece], width_px: int, font_px: int = FONT_PX) -> np.ndarray:
    """Return (h, width_px, 3) uint8: the pieces one after the other, on as many lines as they need."""
    used, line_px = font(font_px), round(font_px * 1.4)
    placed, x, line = [], LEFT_PX, 0
    for text, colour in pieces:
        for part in _parts(text, used, width_px - 2 * LEFT_PX):
            length = used.getlength(part)
            if x > LEFT_PX and x + length > width_px - LEFT_PX:
                x, line = LEFT_PX, line + 1
            placed.append(((x, 4 + line * line_px), part, colour))
            x += length + BETWEEN_PX
    strip = Image.new("RGB", (width_px, (line + 1) * line_px + 8), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    for place, part, colour in placed:
        draw.text(place, part, fill=colour, font=used)
    return np.asarray(strip)


def _parts(text: str, used: ImageFont.FreeTypeFont, room_px: int) -> Iterator[str]:
    """The text, or what fits into the room at a time: at a space if there is one, else anywhere."""
    while used.getlength(text) > room_px and len(text) > 1:
        fits = next(
            count for count in range(len(text) - 1, 0, -1) if used.getlength(text[:count]) <= room_px or count == 1
        )
        end = text.rfind(" ", 1, fits + 1)
        end = end if end > 0 else fits
        yield text[:end]
        text = text[end:].lstrip(" ")
    if text:
        yield text
