"""A row of a store in, its original out, if that is still the image that was prepared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.datasets.manifest import read_table
from cxr.images.files import ImageError, read_image
from cxr.images.hashing import difference_hash, different_bits, pack_hashes
from cxr.preparation.store import CROP_COLUMNS, PreparedFiles

SAME_BITS = 14
"""Of 256: as far as the same X-ray differs when it is stored again; two patients differ in 19 and more."""


@dataclass(frozen=True)
class Prepared:
    """What an original was when it was prepared."""

    height_px: int
    width_px: int
    image_hash: str


def read_prepared(files: PreparedFiles) -> dict[str, Prepared]:
    """Return image_id -> what its original was, from crops.csv."""
    table = read_table(files.crop_table, CROP_COLUMNS)
    columns = (table[name] for name in ("image_id", "height_px", "width_px", "image_hash"))
    return {one: Prepared(int(height), int(width), text) for one, height, width, text in zip(*columns, strict=True)}


def read_original(path: Path, prepared: Prepared | None) -> np.ndarray:
    """Return the (H, W) uint8 original; ImageError when it cannot be read or is not what was prepared any more."""
    image = read_image(path)
    if prepared is None:
        return image
    if image.shape != (prepared.height_px, prepared.width_px):
        raise ImageError(
            f"is {image.shape[1]} x {image.shape[0]} pixels now and was {prepared.width_px} x {prepared.height_px} "
            "when the data were prepared"
        )
    now, then = pack_hashes([difference_hash(image), prepared.image_hash])
    if different_bits(now, then[None])[0] > SAME_BITS:
        raise ImageError("shows another image than when the data were prepared")
    return image
