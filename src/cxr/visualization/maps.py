"""The members of a group and chosen images in, one heatmap per image and finding out: the mean of the members' maps."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.classification.crops import read_images
from cxr.classification.member import load_member
from cxr.engines.engine import Engine, open_engine
from cxr.preparation.store import Store
from cxr.visualization.gradcam import with_maps
from cxr.visualization.heat import normalize_maps
from cxr.visualization.places import Places, places_of

CHUNK_IMAGES = 64


@dataclass(frozen=True)
class GroupMaps:
    """members: for each an (n, h, w, K) float32 array in [0, 1], coarse as its feature map; places: where they lie."""

    members: list[np.ndarray]
    places: list[Places]

    def heat(self, place: int, finding: int, image_px: int) -> np.ndarray:
        """Return (image_px, image_px) float32 in [0, 1] over the crop of image `place`: the mean over the members."""
        pairs = zip(self.members, self.places, strict=True)
        return np.mean([places.draw(maps[place, :, :, finding], image_px) for maps, places in pairs], axis=0)


@dataclass(frozen=True)
class _Member:
    engine: Engine
    image_px: int
    places: Places

    def read(self, store: Store, rows: np.ndarray) -> np.ndarray:
        """(n, h, w, K) float32, each map divided by its own maximum."""
        return normalize_maps(self.engine.run(read_images(store, rows, self.image_px)[..., None])[1])


@contextmanager
def open_maps(folders: Sequence[Path], store: Store, engine: str) -> Iterator[Callable[[np.ndarray], GroupMaps]]:
    """Open every member once; give the function that makes the maps of some rows of the store.

    So any number of images can be gone through, a few dozen at a time, in the memory of a few dozen.
    """
    with tempfile.TemporaryDirectory() as files:
        members = []
        for number, folder in enumerate(folders):
            model = with_maps(load_member(folder, store.findings))
            opened = open_engine(model, engine, Path(files) / str(number))
            members.append(_Member(opened, model.input_shape[1], places_of(model)))
        yield lambda rows: GroupMaps([one.read(store, rows) for one in members], [one.places for one in members])


def group_maps(
    folders: Sequence[Path], store: Store, rows: np.ndarray, engine: str, on_progress: Callable[[int, int], None]
) -> GroupMaps:
    """Make the maps of all the chosen rows of the store at once."""
    parts = []
    with open_maps(folders, store, engine) as read:
        for start in range(0, len(rows), CHUNK_IMAGES):
            parts.append(read(rows[start : start + CHUNK_IMAGES]))
            on_progress(min(start + CHUNK_IMAGES, len(rows)), len(rows))
    members = [np.concatenate(arrays) for arrays in zip(*(part.members for part in parts), strict=True)]
    return GroupMaps(members, parts[0].places)
