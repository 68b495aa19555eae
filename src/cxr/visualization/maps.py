"""The members of a group and chosen images in, one heatmap per image and finding out: the mean of the members' maps."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.classification.crops import read_images
from cxr.classification.member import load_member
from cxr.engines.engine import open_engine
from cxr.preparation.store import Store
from cxr.visualization.gradcam import normalize_maps, with_maps
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


def group_maps(
    folders: Sequence[Path], store: Store, rows: np.ndarray, engine: str, on_progress: Callable[[int, int], None]
) -> GroupMaps:
    """Run every member on the chosen rows of the store; each of its maps is divided by its own maximum."""
    members, places = [], []
    for number, folder in enumerate(folders):
        model = with_maps(load_member(folder, store.findings))
        parts = []
        with tempfile.TemporaryDirectory() as files:
            runner = open_engine(model, engine, Path(files))
            for start in range(0, len(rows), CHUNK_IMAGES):
                images = read_images(store, rows[start : start + CHUNK_IMAGES], model.input_shape[1])[..., None]
                parts.append(normalize_maps(runner.run(images)[1]))
                on_progress(number * len(rows) + start + len(images), len(folders) * len(rows))
        members.append(np.concatenate(parts))
        places.append(places_of(model))
    return GroupMaps(members, places)
