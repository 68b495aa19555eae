"""An answer in, the picture that goes into its capture out: the whole X-ray, its crop, and where its findings lie."""

import numpy as np
from PIL import Image, ImageDraw

from cxr.images.files import read_image
from cxr.images.geometry import Box, place_box, resize
from cxr.images.lies import BY_NAME
from cxr.prediction.answers import Answer, heat_of
from cxr.prediction.bundle import Bundle
from cxr.visualization.overlay import BOX_COLOUR, overlay

LONGEST_PX = 2048
"""Longer sides are reduced: a capture is 3 bytes a pixel, and what a screen shows is no larger."""
OPACITY = 0.45


def draw_answer(bundle: Bundle, answer: Answer, findings: list[int]) -> np.ndarray:
    """Return (H, W, 3) uint8, lying as the file lies: the greatest heat of the findings in every place.

    Raises ImageError when the file is gone.
    """
    image, crop = read_image(answer.item.path), answer.crop
    scale = min(LONGEST_PX / max(image.shape), 1)
    small = resize(image, *(max(round(side * scale), 1) for side in image.shape))
    x0, y0, x1, y1 = (round(side * scale) for side in crop.box)
    box = Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
    heat = np.max([heat_of(bundle, answer, k, crop.pixels.shape[0]) for k in findings], axis=0)
    heat = BY_NAME[crop.lies].turn(heat)
    picture = Image.fromarray(overlay(small, place_box(heat, box, *small.shape), OPACITY))
    width = max(max(small.shape) // 400, 1)
    ImageDraw.Draw(picture).rectangle((box.x0, box.y0, box.x1 - 1, box.y1 - 1), outline=BOX_COLOUR, width=width)
    return np.asarray(picture)


def shown_findings(answer: Answer) -> list[int]:
    """Return the findings that are called, or the most probable one where none is."""
    called = [k for k, call in enumerate(answer.calls) if call]
    return called or [int(np.argmax(answer.probabilities))]
