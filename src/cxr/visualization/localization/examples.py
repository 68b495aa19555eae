"""Scored images in, pictures of the best and the worst out: heat, true boxes, found boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from cxr.images.geometry import place_box, resize
from cxr.visualization.caption import SOFT_COLOUR, TEXT_COLOUR, Piece, write_caption
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.measures import NUMBERS
from cxr.visualization.localization.scores import Scores
from cxr.visualization.overlay import COLOUR_MAP, SHADOW, TRUE_COLOUR, draw_boxes, overlay

SHOWN = 4
"""Of the best, and as many of the worst."""
PANEL_PX = 420
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
    caption: Sequence[Piece],
    colours: str = COLOUR_MAP,
) -> np.ndarray:
    """Return (h, w, 3) uint8: the X-ray with the heat over it, true boxes green, found boxes thin white, captioned.

    image: (H, W) uint8. heat: (S, S) over the upright crop. found, true: (n, 4) in pixels of the original.
    """
    laid = overlay(image, place_box(frame.lie.turn(heat), frame.box, *image.shape), opacity, colours)
    scale = PANEL_PX / max(image.shape)
    small = Image.fromarray(resize(laid, *(max(round(side * scale), 1) for side in image.shape)))
    draw = ImageDraw.Draw(small)
    for corners in np.asarray(found) * scale:
        low, high = corners[:2], np.maximum(corners[2:] - 1, corners[:2])
        draw.rectangle((*(low - 1), *(high + 1)), outline=SHADOW, width=3)  # white alone is lost on a bright lung
        draw.rectangle((*low, *high), outline=FOUND_COLOUR)
    draw_boxes(small, np.asarray(true) * scale)
    return np.concatenate([write_caption(caption, small.width), np.asarray(small)])


def caption_of(finding: str, image_id: str, energy: float) -> list[Piece]:
    """Return what stands above a picture: finding, share of the heat in the true boxes, image, colours of boxes."""
    return [
        (finding.replace("_", " "), TEXT_COLOUR),
        (f"{100 * energy:.0f} % of the heat in the true box", TEXT_COLOUR),
        (image_id, SOFT_COLOUR),
        ("true box", TRUE_COLOUR),
        ("found boxes", FOUND_COLOUR),
    ]


def example_name(example: Example, number: int, finding: str) -> str:
    """File name of a picture."""
    return f"{example.kind}-{number}-{finding}.png"


def forget_examples(folder: Path) -> None:
    """Remove pictures of an earlier run."""
    for kind in ("best", "worst"):
        for old in folder.glob(f"{kind}-*.png"):
            old.unlink()
