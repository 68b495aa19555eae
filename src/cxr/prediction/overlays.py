"""An answer in, pictures of it out: the X-ray with its crop, and the heat of a finding over it."""

import re
from pathlib import Path

import numpy as np

from cxr.images.files import ImageError, read_image, write_png
from cxr.images.lies import BY_NAME
from cxr.prediction.answers import Answer, heat_of
from cxr.prediction.bundle import Bundle
from cxr.prediction.results import OVERLAYS
from cxr.visualization.caption import SOFT_COLOUR, TEXT_COLOUR
from cxr.visualization.overlay import side_by_side

OPACITY, LONGEST_STEM = 0.5, 80


def write_overlays(bundle: Bundle, folder: Path, place: int, answer: Answer) -> list[str]:
    """Write a picture of every finding that is called, or of the most probable where none is; return their names.

    place: of the image among all, which makes names differ. Nothing is written where nothing was predicted.
    """
    names = []
    for finding in shown_findings(answer):
        name = f"{OVERLAYS}/{place:06d}-{_plain(answer.item.path.stem)}-{_plain(bundle.findings[finding])}.png"
        try:
            picture = draw_overlay(bundle, answer, finding)
        except ImageError:  # gone since it was answered
            break
        write_png(folder / name, picture)
        names.append(name)
    return names


def shown_findings(answer: Answer) -> list[int]:
    """Return the findings that are called, or the most probable one where none is."""
    if answer.probabilities is None:
        return []
    called = [k for k, call in enumerate(answer.calls) if call]
    return called or [int(np.argmax(answer.probabilities))]


def draw_overlay(bundle: Bundle, answer: Answer, finding: int) -> np.ndarray:
    """Return (H, W, 3) uint8; the original is read again. Raises ImageError when it is gone."""
    crop, name = answer.crop, bundle.findings[finding]
    heat = BY_NAME[crop.lies].turn(heat_of(bundle, answer, finding, crop.pixels.shape[0]))
    words = {True: "called", False: "not called", None: "no call"}[answer.calls[finding]]
    says = f"{name} {answer.probabilities[finding]:.2f}", words, "research use only"
    caption = [(piece, colour) for piece, colour in zip(says, (TEXT_COLOUR, TEXT_COLOUR, SOFT_COLOUR), strict=True)]
    return side_by_side(read_image(answer.item.path), crop.box, heat, OPACITY, caption)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:LONGEST_STEM]
