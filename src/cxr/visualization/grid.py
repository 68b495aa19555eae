"""The highest-scored crops of a finding with their heat in, one picture of all of them out, 4 x 4 at most."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from cxr.images.geometry import resize
from cxr.preparation.store import Store
from cxr.visualization.caption import BACKGROUND, Piece, write_caption
from cxr.visualization.overlay import draw_boxes, overlay

COLUMNS, MOST = 4, 16
TILE_PX, TILE_GAP_PX, TILE_FONT_PX = 220, 6, 12


def draw_tile(
    store: Store,
    row: int,
    heat: np.ndarray,
    opacity: float,
    colours: str,
    caption: Sequence[Piece],
    true_boxes: Sequence[tuple[float, ...]],
) -> np.ndarray:
    """Return (H, TILE_PX, 3) uint8: the crop of a row of the store, lying as its original does, with its heat.

    heat: (S, S) float32 in [0, 1] over the crop, upright. true_boxes: (x0, y0, x1, y1) in pixels of the original.
    """
    lie, box = store.lies[row], store.boxes[row]
    crop, heat = (resize(lie.turn(one), TILE_PX, TILE_PX) for one in (store.crops[store.rows[row]], heat))
    picture = Image.fromarray(overlay(crop, heat, opacity, colours))
    across, down = TILE_PX / (box.x1 - box.x0), TILE_PX / (box.y1 - box.y0)
    draw_boxes(
        picture,
        [((x0 - box.x0) * across, (y0 - box.y0) * down, (x1 - box.x0) * across, (y1 - box.y0) * down)
         for x0, y0, x1, y1 in true_boxes],
    )  # fmt: skip
    return np.concatenate([np.asarray(picture), write_caption(caption, TILE_PX, TILE_FONT_PX)])


def lay_grid(tiles: Sequence[np.ndarray], title: Sequence[Piece]) -> np.ndarray:
    """Return (H, W, 3) uint8: up to MOST tiles, row by row, below their title."""
    columns = min(COLUMNS, len(tiles))
    lines = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = COLUMNS * (TILE_PX + TILE_GAP_PX) - TILE_GAP_PX
    strip = write_caption(title, width)
    heights = [max(len(tile) for tile in line) + TILE_GAP_PX for line in lines]
    sheet = np.full((len(strip) + sum(heights), width, 3), BACKGROUND, np.uint8)
    sheet[: len(strip)] = strip
    top = len(strip)
    for line, height in zip(lines, heights, strict=True):
        for place, tile in enumerate(line):
            left = place * (TILE_PX + TILE_GAP_PX)
            sheet[top : top + len(tile), left : left + TILE_PX] = tile
        top += height
    return sheet
