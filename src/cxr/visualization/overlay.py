"""An X-ray, its crop box and a heatmap in, one side-by-side picture out."""

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from cxr.images.geometry import Box, place_box, resize

PANEL_PX = 340
CAPTION_PX = 26
GAP_PX = 6
BOX_COLOUR = (90, 200, 250)
TEXT_COLOUR, BACKGROUND = (235, 235, 235), (18, 18, 18)
COLOUR_MAP = "inferno"  # perceptually even, readable in grey and by the colour-blind


def overlay(image: np.ndarray, heat: np.ndarray, opacity: float) -> np.ndarray:
    """Lay heat (H, W) float32 in [0, 1] over image (H, W) uint8; return (H, W, 3) uint8. Cold places stay untouched."""
    alpha = (np.clip(heat, 0, 1) * opacity)[..., None]
    colours = colormaps[COLOUR_MAP](np.clip(heat, 0, 1))[..., :3] * 255
    return (image[..., None] * (1 - alpha) + colours * alpha).round().astype(np.uint8)


def side_by_side(image: np.ndarray, box: Box, heat: np.ndarray, opacity: float, caption: str) -> np.ndarray:
    """Return (H', W', 3) uint8: the X-ray with its crop box, beside it the heat over it, the caption above both.

    image: (H, W) uint8 original. heat: (h, w) float32 in [0, 1] over the crop box, which may reach beyond the image.
    """
    height, width = image.shape
    scale = PANEL_PX / max(height, width)
    small = resize(image, max(round(height * scale), 1), max(round(width * scale), 1))
    scaled = Box(*(round(side * scale) for side in box))
    scaled = Box(scaled.x0, scaled.y0, max(scaled.x1, scaled.x0 + 1), max(scaled.y1, scaled.y0 + 1))
    heated = overlay(small, place_box(heat, scaled, *small.shape), opacity)
    plain = Image.fromarray(np.repeat(small[..., None], 3, axis=2))
    ImageDraw.Draw(plain).rectangle((scaled.x0, scaled.y0, scaled.x1 - 1, scaled.y1 - 1), outline=BOX_COLOUR, width=2)
    sheet = Image.new("RGB", (2 * small.shape[1] + GAP_PX, small.shape[0] + CAPTION_PX), BACKGROUND)
    sheet.paste(plain, (0, CAPTION_PX))
    sheet.paste(Image.fromarray(heated), (small.shape[1] + GAP_PX, CAPTION_PX))
    ImageDraw.Draw(sheet).text((6, 5), caption, fill=TEXT_COLOUR, font=ImageFont.load_default(14))
    return np.asarray(sheet)
