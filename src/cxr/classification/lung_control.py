"""A store with lungs in; the same images with the lungs blacked out, or with everything else blacked out, out.

What a classifier still finds where it cannot see the lungs it did not find in them: the outline of the body, devices,
text, the cut of the crop itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.images.geometry import Box, cut_box, resize
from cxr.images.lies import Lie
from cxr.preparation.store import Store, lung_mask

Hidden = Literal["lungs", "rest"]
CONTROLS: dict[str, Hidden] = {"lungs blacked out": "lungs", "lungs alone": "rest"}


@dataclass(frozen=True, eq=False)
class ChangedCrops:
    """Reads like the array of crops, by row numbers, and changes what it reads: nothing is kept in memory."""

    crops: np.ndarray
    """(M, S, S) uint8."""
    inside: Callable[[int], np.ndarray]
    """Row of `crops` -> (S, S) bool, where the lungs are."""
    hidden: Hidden

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the array."""
        return self.crops.shape

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """(n, S, S) uint8 of an (n,) int array."""
        lungs = np.stack([self.inside(int(row)) for row in rows])
        return np.where(lungs == (self.hidden == "rest"), self.crops[rows], 0).astype(np.uint8)


def hide(store: Store, crop_table: pd.DataFrame, hidden: Hidden) -> Store:
    """Return the store with `hidden` black in every crop.

    crop_table: crops.csv; it says how large the originals are. UserError where lungs were not sought.
    """
    if store.lungs is None:
        raise UserError('lungs were not sought (crop.mode "none"); the control needs "crop" or "mask"')
    sizes = crop_table.set_index("row")[["height_px", "width_px"]].astype(int)
    sizes.index = sizes.index.astype(int)
    index_of = {int(row): index for index, row in enumerate(store.rows)}
    image_px = store.crops.shape[1]

    def inside(row: int) -> np.ndarray:
        index = index_of[row]
        height, width = sizes.loc[row]
        return mask_in_crop(
            lung_mask(store, index), store.boxes[index], store.lies[index], int(height), int(width), image_px
        )

    return replace(store, crops=ChangedCrops(store.crops, inside, hidden))


def rows_with_lungs(store: Store, crop_table: pd.DataFrame, parts: tuple[str, ...]) -> np.ndarray:
    """(n,) int: images of these parts whose lungs were good enough to crop to; of the others nothing is known."""
    good = set(crop_table.loc[crop_table["fallback"] == "0", "row"].astype(int))
    return np.flatnonzero(np.isin(store.parts, parts) & np.isin(store.rows, list(good)))


def mask_in_crop(mask: np.ndarray, box: Box, lie: Lie, height_px: int, width_px: int, image_px: int) -> np.ndarray:
    """(S, S) bool: the lungs in the upright crop, as `crop.mode` mask cuts them.

    mask: (P, P) bool, of the plainly resized original. box, height_px, width_px: in pixels of the original.
    """
    full = resize(mask.astype(np.float32), height_px, width_px) >= 0.5
    return np.rot90(cut_box(full.astype(np.uint8), box, image_px) > 0, -lie.quarters)
