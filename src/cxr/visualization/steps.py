"""One image of a store and its heatmap in, one picture of the whole way out: X-ray, lungs, crop, heat."""

import numpy as np
from PIL import Image, ImageDraw

from cxr.images.geometry import Box, resize
from cxr.visualization.caption import BACKGROUND, TEXT_COLOUR, write_caption
from cxr.visualization.overlay import BOX_COLOUR, COLOUR_MAP, GAP_PX, overlay

PANEL_PX = 300
LUNG_COLOUR = np.array([90, 200, 250], np.float32)
LUNG_OPACITY = 0.35
TITLES = ("X-ray", "lungs and box", "crop")


def steps_picture(
    image: np.ndarray,
    mask: np.ndarray | None,
    box: Box,
    crop: np.ndarray,
    heat: np.ndarray,
    opacity: float,
    title: str,
    colours: str = COLOUR_MAP,
) -> np.ndarray:
    """Return (H', W', 3) uint8: four square panels with their titles, the last one called `title`.

    image: (H, W) uint8 original. mask: (P, P) bool lungs of the plainly resized image, or None. box: in pixels of the
    original. crop: (S, S) uint8. heat: (S, S) float32 in [0, 1] over the crop.
    """
    scale = PANEL_PX / max(image.shape)
    small = resize(image, *(max(round(side * scale), 1) for side in image.shape))
    panels = [_framed(np.repeat(small[..., None], 3, axis=2)), _framed(_with_lungs(small, mask, box, scale))]
    crop = resize(crop, PANEL_PX, PANEL_PX)
    panels += [np.repeat(crop[..., None], 3, axis=2), overlay(crop, resize(heat, PANEL_PX, PANEL_PX), opacity, colours)]
    strips = [write_caption([(text, TEXT_COLOUR)], PANEL_PX) for text in (*TITLES, title)]
    top = max(map(len, strips))
    sheet = np.full((top + PANEL_PX, len(panels) * (PANEL_PX + GAP_PX) - GAP_PX, 3), BACKGROUND, np.uint8)
    for place, (panel, strip) in enumerate(zip(panels, strips, strict=True)):
        left = place * (PANEL_PX + GAP_PX)
        sheet[: len(strip), left : left + PANEL_PX] = strip
        sheet[top:, left : left + PANEL_PX] = panel
    return sheet


def _with_lungs(small: np.ndarray, mask: np.ndarray | None, box: Box, scale: float) -> np.ndarray:
    """Tint the lungs of an (h, w) uint8 image and draw the crop box; (h, w, 3) uint8."""
    tint = np.zeros(small.shape, np.float32) if mask is None else resize(mask.astype(np.float32), *small.shape)
    alpha = tint[..., None] * LUNG_OPACITY
    tinted = Image.fromarray((small[..., None] * (1 - alpha) + LUNG_COLOUR * alpha).round().astype(np.uint8))
    corners = [round(side * scale) for side in box]
    ImageDraw.Draw(tinted).rectangle((*corners[:2], corners[2] - 1, corners[3] - 1), outline=BOX_COLOUR, width=2)
    return np.asarray(tinted)


def _framed(panel: np.ndarray) -> np.ndarray:
    """Centre an (h, w, 3) picture in a black square."""
    square = np.zeros((PANEL_PX, PANEL_PX, 3), np.uint8)
    top, left = (PANEL_PX - panel.shape[0]) // 2, (PANEL_PX - panel.shape[1]) // 2
    square[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return square
