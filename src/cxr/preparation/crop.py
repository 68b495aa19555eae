"""A batch of image files in, their crops, boxes and rejections out: what one worker does with one chunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.lungs import Cleaning
from cxr.config.params import Crop
from cxr.engines.engine import Engine
from cxr.images.files import ImageError, read_image
from cxr.images.geometry import Box, cut_box, resize
from cxr.images.hashing import difference_hash
from cxr.preparation.box import box_from_mask, whole_image_box
from cxr.segmentation.lungs import Lungs, find_lungs

HASHED_PX = 128


@dataclass(frozen=True)
class CropRow:
    """One image's crop. box in pixels of the original; lungs: None where they were not sought.

    height_px, width_px, image_hash: of the original.
    """

    pixels: np.ndarray
    box: Box
    lungs: Lungs | None
    fallback: bool
    height_px: int
    width_px: int
    image_hash: str


def crop_images(
    paths: Sequence[Path], crop: Crop, engine: Engine | None, lung_px: int, cleaning: Cleaning | None = None
) -> list[CropRow | str]:
    """Return for each file its crop, or why it cannot be used. engine: the lung network; None seeks no lungs."""
    images: list[np.ndarray | str] = [_read(path) for path in paths]
    small = {i: _reduced(image, lung_px) for i, image in enumerate(images) if not isinstance(image, str)}
    lungs: dict[int, Lungs] = {}
    if engine and small:
        inputs = np.stack(list(small.values()))[..., None].astype(np.float32)
        lungs = {i: find_lungs(map_[..., 0], cleaning) for i, map_ in zip(small, engine.run(inputs)[0], strict=True)}
    return [
        image if isinstance(image, str) else _cut(image, lungs.get(i), crop, difference_hash(small[i]))
        for i, image in enumerate(images)
    ]


def _reduced(image: np.ndarray, lung_px: int) -> np.ndarray:
    """The plainly resized image that the lung network sees; without one, a small one to take the hash of."""
    return resize(image, lung_px or HASHED_PX, lung_px or HASHED_PX)


def _read(path: Path) -> np.ndarray | str:
    try:
        return read_image(path)
    except ImageError as error:
        return str(error)


def _cut(image: np.ndarray, lungs: Lungs | None, crop: Crop, image_hash: str) -> CropRow:
    """Cut one (H, W) uint8 image; a mask that is empty or below the required quality means the whole image, marked."""
    whole, original = whole_image_box(*image.shape), (*image.shape, image_hash)
    if lungs is None:
        return CropRow(cut_box(image, whole, crop.image_px), whole, None, False, *original)
    if lungs.quality < crop.min_quality or not lungs.mask.any():
        return CropRow(cut_box(image, whole, crop.image_px), whole, lungs, True, *original)
    box = box_from_mask(lungs.mask, *image.shape, crop.margins)
    pixels = cut_box(image, box, crop.image_px)
    if crop.mode == "mask":
        full = resize(lungs.mask.astype(np.float32), *image.shape)
        inside = cut_box((full >= 0.5).astype(np.uint8), box, crop.image_px)
        pixels = np.where(inside > 0, pixels, 0).astype(np.uint8)
    return CropRow(pixels, box, lungs, False, *original)
