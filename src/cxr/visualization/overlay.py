"""An X-ray, its crop box, a heatmap and the true boxes in, one side-by-side picture out."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw

from cxr.images.geometry import Box, place_box, resize
from cxr.visualization.caption import BACKGROUND, Piece, write_caption

PANEL_PX = 340
GAP_PX = 6
BOX_COLOUR, TRUE_COLOUR = (90, 200, 250), (80, 240, 110)
SHADOW = (0, 0, 0)
SHADES = 256
COLOUR_MAP = "inferno"  # perceptually even, readable in grey and by the colour-blind


@cache
def _shades(colours: str) -> np.ndarray:
    """(SHADES, 3) float32 0..255, from cold to hot."""
    return (colormaps[colours](np.arange(SHADES))[:, :3] * 255).astype(np.float32)


def overlay(image: np.ndarray, heat: np.ndarray, opacity: float, colours: str = COLOUR_MAP) -> np.ndarray:
    """Lay heat (H, W) float32 in [0, 1] over image (H, W) uint8; return (H, W, 3) uint8. Cold places stay untouched."""
    heat = np.clip(heat, 0, 1)
    alpha = (heat * np.float32(opacity))[..., None]
    shades = _shades(colours)[np.minimum(heat * SHADES, SHADES - 1).astype(np.uint8)]
    return (image[..., None] * (1 - alpha) + shades * alpha).round().astype(np.uint8)


def tint(heat: np.ndarray, colours: str = COLOUR_MAP) -> np.ndarray:
    """Return heat (H, W) float32 in [0, 1] as (H, W, 4) RGBA uint8: over an image the same as `overlay`."""
    heat = np.clip(heat, 0, 1)
    shades = _shades(colours)[np.minimum(heat * SHADES, SHADES - 1).astype(np.uint8)]
    return np.concatenate([shades, 255 * heat[..., None]], axis=2).round().astype(np.uint8)


def side_by_side(
    image: np.ndarray,
    box: Box,
    heat: np.ndarray,
    opacity: float,
    caption: Sequence[Piece],
    true_boxes: Sequence[tuple[float, ...]] = (),
    colours: str = COLOUR_MAP,
) -> np.ndarray:
    """Return (H', 2 PANEL_PX + GAP_PX, 3) uint8: the X-ray with its crop box, beside it the heat over it, captioned.

    image: (H, W) uint8 original. heat: (h, w) float32 in [0, 1] over the crop box, which may reach beyond the image.
    true_boxes: (x0, y0, x1, y1) in pixels of the original, drawn on both. An image is enlarged or reduced to PANEL_PX
    for its longer side and stands in the middle of its half.
    """
    height, width = image.shape
    scale = PANEL_PX / max(height, width)
    small = resize(image, max(round(height * scale), 1), max(round(width * scale), 1))
    scaled = Box(*(round(side * scale) for side in box))
    scaled = Box(scaled.x0, scaled.y0, max(scaled.x1, scaled.x0 + 1), max(scaled.y1, scaled.y0 + 1))
    plain = Image.fromarray(np.repeat(small[..., None], 3, axis=2))
    ImageDraw.Draw(plain).rectangle((scaled.x0, scaled.y0, scaled.x1 - 1, scaled.y1 - 1), outline=BOX_COLOUR, width=2)
    heated = Image.fromarray(overlay(small, place_box(heat, scaled, *small.shape), opacity, colours))
    strip = write_caption(caption, 2 * PANEL_PX + GAP_PX)
    sheet = Image.new("RGB", (strip.shape[1], len(strip) + small.shape[0]), BACKGROUND)
    sheet.paste(Image.fromarray(strip), (0, 0))
    for number, panel in enumerate((plain, heated)):
        draw_boxes(panel, [[side * scale for side in one] for one in true_boxes])
        sheet.paste(panel, (number * (PANEL_PX + GAP_PX) + (PANEL_PX - small.shape[1]) // 2, len(strip)))
    return np.asarray(sheet)


def draw_boxes(panel: Image.Image, boxes: Sequence[Sequence[float]]) -> None:
    """Draw true boxes (x0, y0, x1, y1), in pixels of the panel, into it; a dark rim tells them from bright heat."""
    draw = ImageDraw.Draw(panel)
    for box in boxes:
        x0, y0, x1, y1 = (round(side) for side in box)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=SHADOW, width=4)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=TRUE_COLOUR, width=2)
