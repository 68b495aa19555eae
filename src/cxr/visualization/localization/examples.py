"""Scored images in, pictures of the best and the worst out: heat, true boxes, found boxes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr.images.geometry import place_box, resize
from cxr.visualization.caption import BACKGROUND, TEXT_COLOUR
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.measures import NUMBERS
from cxr.visualization.localization.scores import Scores
from cxr.visualization.overlay import COLOUR_MAP, TRUE_COLOUR, overlay

SHOWN = 4
"""Of the best, and as many of the worst."""
PANEL_PX, CAPTION_PX = 420, 26
FOUND_COLOUR = (255, 255, 255)


@dataclass(frozen=True)
class Example:
    """One picture. kind: best or worst; row and finding as in the scores; energy: share of the heat in the boxes."""

    kind: str
    row: int
    finding: int
    energy: float


def choose_examples(scores: Scores) -> list[Example]:
    """Return the pairs of image and finding with the most and the least heat in the true boxes.

    Each finding once among the best and once among the worst, as far as there are enough findings.
    """
    energy = scores.values["own"][:, NUMBERS.index("energy")]
    chosen = []
    for kind, order in (("best", np.argsort(-energy, kind="stable")), ("worst", np.argsort(energy, kind="stable"))):
        _, firsts = np.unique(scores.findings[order], return_index=True)
        ranked = [*order[np.sort(firsts)], *np.delete(order, firsts)]
        taken = {(one.row, one.finding) for one in chosen}
        keys = [(int(scores.rows[place]), int(scores.findings[place]), float(energy[place])) for place in ranked]
        chosen += [Example(kind, *key) for key in [key for key in keys if key[:2] not in taken][:SHOWN]]
    return chosen


def draw_example(
    image: np.ndarray,
    heat: np.ndarray,
    frame: Frame,
    found: np.ndarray,
    true: np.ndarray,
    opacity: float,
    caption: str,
    colours: str = COLOUR_MAP,
) -> np.ndarray:
    """Return (h, w, 3) uint8: the X-ray with the heat over it, true boxes solid green, found boxes thin white.

    image: (H, W) uint8. heat: (S, S) over the upright crop. found, true: (n, 4) in pixels of the original.
    """
    laid = overlay(image, place_box(frame.lie.turn(heat), frame.box, *image.shape), opacity, colours)
    scale = PANEL_PX / max(image.shape)
    small = Image.fromarray(resize(laid, *(max(round(side * scale), 1) for side in image.shape)))
    draw = ImageDraw.Draw(small)
    for boxes, colour, width in ((found, FOUND_COLOUR, 1), (true, TRUE_COLOUR, 2)):
        for corners in np.asarray(boxes) * scale:
            draw.rectangle((*corners[:2], *np.maximum(corners[2:] - 1, corners[:2])), outline=colour, width=width)
    sheet = Image.new("RGB", (small.width, small.height + CAPTION_PX), BACKGROUND)
    sheet.paste(small, (0, CAPTION_PX))
    ImageDraw.Draw(sheet).text((6, 5), caption, fill=TEXT_COLOUR, font=ImageFont.load_default(13))
    return np.asarray(sheet)


def example_name(example: Example, number: int, finding: str) -> str:
    """File name of a picture."""
    return f"{example.kind}-{number}-{finding}.png"


def forget_examples(folder: Path) -> None:
    """Remove pictures of an earlier run."""
    for kind in ("best", "worst"):
        for old in folder.glob(f"{kind}-*.png"):
            old.unlink()
