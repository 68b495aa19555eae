"""An overlay and its answers in, the same picture between two bands of text out: the marking above, findings below."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr.prediction.dicom.answers import MARKING, FindingAnswer, ImageAnswers

SMALLEST_WIDTH_PX = 600  # narrower pictures get a margin on the right, so that the text stays legible
WIDTHS_PER_EM = 48  # text grows with the picture, since a viewer shrinks every picture to its window
MARKING_SCALE = 1.4
Colour = tuple[int, int, int]
BACKGROUND, MARKING_BACKGROUND = (0, 0, 0), (110, 20, 20)
BRIGHT, CALLED, DIM = (255, 255, 255), (255, 205, 80), (200, 200, 200)


def mark(overlay: np.ndarray, answers: ImageAnswers) -> tuple[np.ndarray, int]:
    """Return (H', W', 3) uint8 and the row at which the overlay, untouched, begins in it; it begins at column 0.

    overlay: (H, W, 3) uint8. Nothing is drawn over it, and no name or number of the patient is written.
    """
    height, width = overlay.shape[:2]
    canvas_px = max(width, SMALLEST_WIDTH_PX)
    text_px = canvas_px // WIDTHS_PER_EM
    bundle = answers.bundle
    head = _band([[(MARKING, BRIGHT)]], canvas_px, round(MARKING_SCALE * text_px), MARKING_BACKGROUND)
    rows = _wrap(f"{bundle.name} {bundle.version}, SHA-256 {bundle.sha256[:12]}", DIM, canvas_px, text_px)
    rows += _columns([(line_of(f), CALLED if f.called else DIM) for f in answers.findings], canvas_px, text_px)
    rows += [row for note in answers.notes for row in _wrap(note, BRIGHT, canvas_px, text_px)]
    foot = _band(rows, canvas_px, text_px, BACKGROUND)
    middle = np.zeros((height, canvas_px, 3), np.uint8)
    middle[:, :width] = overlay
    return np.concatenate([head, middle, foot]), len(head)


def line_of(finding: FindingAnswer) -> str:
    """Return one finding in words, so that colour is not all that tells a call."""
    said = f"{finding.name.replace('_', ' ')} {finding.probability:.3f}"
    if finding.threshold is None:
        return said
    return f"{said}, {'POSITIVE' if finding.called else 'negative'} at {finding.threshold:.3f}"


Rows = list[list[tuple[str, Colour]]]


def _wrap(text: str, colour: Colour, width_px: int, text_px: int) -> Rows:
    """Return a text as rows of one cell that fit."""
    letter_px = _length(text, text_px) / max(len(text), 1)
    letters = max(int(0.9 * (width_px - text_px) / max(letter_px, 1)), 1)  # 0.9: a line may hold the wider letters
    return [[(line, colour)] for line in textwrap.wrap(text, letters)]


def _columns(cells: list[tuple[str, Colour]], width_px: int, text_px: int) -> Rows:
    """Return cells as rows, read column after column, in as many columns as fit; a longer one is wrapped."""
    cells = [(row[0][0], colour) for text, colour in cells for row in _wrap(text, colour, width_px, text_px)]
    longest = max(_length(text, text_px) for text, _ in cells)
    count = max(int((width_px - text_px) // (longest + text_px)), 1)
    height = -(-len(cells) // count)
    return [cells[row::height] for row in range(height)]


def _length(text: str, text_px: int) -> float:
    return ImageFont.load_default(text_px).getlength(text)


def _band(rows: Rows, width_px: int, text_px: int, background: Colour) -> np.ndarray:
    """Return rows of cells in columns of one width as (h, width_px, 3) uint8."""
    margin, step = text_px // 2, round(1.4 * text_px)
    band = Image.new("RGB", (width_px, len(rows) * step + 2 * margin), background)
    draw, font = ImageDraw.Draw(band), ImageFont.load_default(text_px)
    cells = max(len(row) for row in rows)
    for row, texts in enumerate(rows):
        for column, (text, colour) in enumerate(texts):
            x = margin + column * (width_px - margin) // cells
            draw.text((x, margin + row * step), text, fill=colour, font=font)
    return np.asarray(band)
