"""Image files, or images, in, their crops, boxes and rejections out: what one worker does with one chunk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxr.config.lungs import Cleaning
from cxr.config.params import Crop
from cxr.engines.engine import Engine
from cxr.images.files import ImageError, read_image
from cxr.images.geometry import Box, cut_box, resize
from cxr.images.hashing import difference_hash
from cxr.images.lies import LYING, UPRIGHT, Lie
from cxr.preparation.box import box_from_mask, whole_image_box
from cxr.segmentation.lungs import Lungs, find_lungs

HASHED_PX = 128


@dataclass(frozen=True)
class CropRow:
    """One image's crop, upright. box: in pixels of the original; lungs: None where they were not sought.

    lies: how the original lies, "" when upright. height_px, width_px, image_hash: of the original, as the lungs' mask.
    """

    pixels: np.ndarray
    box: Box
    lungs: Lungs | None
    fallback: bool
    lies: str
    height_px: int
    width_px: int
    image_hash: str


def crop_images(
    sources: Sequence[Path | np.ndarray],
    crop: Crop,
    engine: Engine | None,
    lung_px: int,
    cleaning: Cleaning | None = None,
) -> list[CropRow | str]:
    """Return for each file, or (H, W) uint8 image already read, its crop, or why it cannot be used.

    engine: the lung network; None seeks no lungs.
    """
    images = [one if isinstance(one, np.ndarray) else _read(one) for one in sources]
    small = {i: _reduced(image, lung_px) for i, image in enumerate(images) if not isinstance(image, str)}
    lungs = dict(zip(small, _find(list(small.values()), engine, cleaning), strict=True)) if engine else {}
    lies = dict.fromkeys(small, UPRIGHT)
    if engine and crop.upright and crop.mode != "none":
        for i, image in small.items():
            if lungs[i].quality < crop.min_quality:
                lies[i], lungs[i] = _best_lie(image, lungs[i], crop.min_quality, engine, cleaning)
    return [
        image if isinstance(image, str) else _cut(image, lungs.get(i), lies[i], crop, difference_hash(small[i]))
        for i, image in enumerate(images)
    ]


def _find(images: list[np.ndarray], engine: Engine, cleaning: Cleaning | None) -> list[Lungs]:
    if not images:
        return []
    maps = engine.run(np.stack(images)[..., None].astype(np.float32))[0]
    return [find_lungs(map_[..., 0], cleaning) for map_ in maps]


def _best_lie(
    image: np.ndarray, found: Lungs, min_quality: float, engine: Engine, cleaning: Cleaning | None
) -> tuple[Lie, Lungs]:
    """Seek the lungs of an (S, S) image in every way it may lie; upright and `found` when they are good in none."""
    tried = _find([lie.set_upright(image) for lie in LYING], engine, cleaning)
    best = max(range(len(LYING)), key=lambda k: tried[k].quality)
    return (LYING[best], tried[best]) if tried[best].quality >= min_quality else (UPRIGHT, found)


def _reduced(image: np.ndarray, lung_px: int) -> np.ndarray:
    """The plainly resized image that the lung network sees; without one, a small one to take the hash of."""
    return resize(image, lung_px or HASHED_PX, lung_px or HASHED_PX)


def _read(path: Path) -> np.ndarray | str:
    try:
        return read_image(path)
    except ImageError as error:
        return str(error)


def _cut(image: np.ndarray, lungs: Lungs | None, lie: Lie, crop: Crop, image_hash: str) -> CropRow:
    """Cut one (H, W) uint8 image; a mask that is empty or below the required quality means the whole image, marked.

    lungs: of the image set upright.
    """
    whole, original = whole_image_box(*image.shape), (*image.shape, image_hash)
    if lungs is None:
        return CropRow(cut_box(image, whole, crop.image_px), whole, None, False, "", *original)
    if lungs.quality < crop.min_quality or not lungs.mask.any():
        return CropRow(cut_box(image, whole, crop.image_px), whole, lungs, True, "", *original)
    if crop.mode == "none":  # the lungs only tell whether it is a chest X-ray
        return CropRow(cut_box(image, whole, crop.image_px), whole, lungs, False, "", *original)
    image = lie.set_upright(image)
    box = box_from_mask(lungs.mask, *image.shape, crop.margins)
    pixels = cut_box(image, box, crop.image_px)
    if crop.mode == "mask":
        full = resize(lungs.mask.astype(np.float32), *image.shape)
        inside = cut_box((full >= 0.5).astype(np.uint8), box, crop.image_px)
        pixels = np.where(inside > 0, pixels, 0).astype(np.uint8)
    lungs, box = replace(lungs, mask=lie.turn(lungs.mask)), lie.turn_box(box, *image.shape)
    return CropRow(pixels, box, lungs, False, lie.name, *original)
