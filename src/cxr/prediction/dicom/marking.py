"""An overlay and its answers in, the same picture between two bands of text out: the marking above, the findings below."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr.prediction.dicom.answers import MARKING, FindingAnswer, ImageAnswers

SMALLEST_WIDTH_PX = 480  # narrower pictures get a margin on the right, so that the text stays legible
WIDTH_PER_TEXT_PX = 44  # a line of text is this part of the width: about 13 mm on a 40 cm wide screen's half
BACKGROUND, MARKING_BACKGROUND = (0, 0, 0), (110, 20, 20)
BRIGHT, CALLED, DIM = (255, 255, 255), (255, 205, 80), (190, 190, 190)


def mark(overlay: np.ndarray, answers: ImageAnswers) -> tuple[np.ndarray, int]:
    """Return (H', W', 3) uint8 and the row at which the overlay, untouched, begins in it; it begins at column 0.

    overlay: (H, W, 3) uint8. Nothing is drawn over it, and no name or number of the patient is written.
    """
    height, width = overlay.shape[:2]
    canvas_px = max(width, SMALLEST_WIDTH_PX)
    text_px = max(canvas_px // WIDTH_PER_TEXT_PX, 12)
    head = _band([(MARKING, BRIGHT)], canvas_px, round(1.3 * text_px), MARKING_BACKGROUND)
    bundle = answers.bundle
    lines = [(f"{bundle.name} {bundle.version}, SHA-256 {bundle.sha256[:12]}", DIM)]
    lines += [(line_of(finding), CALLED if finding.called else DIM) for finding in answers.findings]
    lines += [(note, BRIGHT) for note in answers.notes]
    foot = _band(lines, canvas_px, text_px, BACKGROUND)
    middle = np.zeros((height, canvas_px, 3), np.uint8)
    middle[:, :width] = overlay
    return np.concatenate([head, middle, foot]), len(head)


def line_of(finding: FindingAnswer) -> str:
    """Return one finding in words, so that colour is not all that tells a call."""
    said = f"{finding.name.replace('_', ' ')} {finding.probability:.3f}"
    if finding.threshold is None:
        return said
    return f"{said}, {'above' if finding.called else 'below'} {finding.threshold:.3f}"


def _band(lines: list[tuple[str, tuple]], width_px: int, text_px: int, background: tuple) -> np.ndarray:
    """Return lines of text, each smaller where it would not fit, as (h, width_px, 3) uint8."""
    margin, step = text_px // 2, round(1.4 * text_px)
    band = Image.new("RGB", (width_px, len(lines) * step + 2 * margin), background)
    draw = ImageDraw.Draw(band)
    for row, (text, colour) in enumerate(lines):
        font = ImageFont.load_default(text_px)
        wide = draw.textlength(text, font=font)
        if wide > width_px - 2 * margin:
            font = ImageFont.load_default(max(text_px * (width_px - 2 * margin) / wide, 8))
        draw.text((margin, margin + row * step), text, fill=colour, font=font)
    return np.asarray(band)
