"""The members of a group and chosen images in, one heatmap per image and finding out: of all members, or the best."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from cxr.classification.crops import read_images
from cxr.classification.member import load_member
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.engines.engine import open_engine
from cxr.preparation.store import Store
from cxr.visualization.best_member import best_members
from cxr.visualization.cuts import cut_heat
from cxr.visualization.methods.map_maker import Asked, MapMaker
from cxr.visualization.methods.registry import METHODS
from cxr.visualization.places import Places

DEFAULT = Heatmaps()


@dataclass(frozen=True)
class GroupMaps:
    """The maps of n images by a group.

    members: for each an (n, h, w, M) float32 array in [0, 1], coarse as its feature map or fine as its image; M is the
    number of findings, or 1 where one map stands for all of them. places: where they lie. probabilities: for each an
    (n, K) array, of the plain image. best: (M,) number of the member to be shown; None shows the mean of all.
    """

    members: list[np.ndarray]
    places: list[Places]
    probabilities: list[np.ndarray] = field(default_factory=list)
    best: np.ndarray | None = None
    heatmaps: Heatmaps = DEFAULT

    def heat(self, place: int, finding: int, image_px: int) -> np.ndarray:
        """Return (image_px, image_px) float32 in [0, 1] over the crop of image `place`, cut and scaled as asked."""
        number = 0 if self.heatmaps.target == "sum" else finding
        shown = range(len(self.members)) if self.best is None else [self.best[number]]
        heat = np.mean([self._draw(member, place, number, image_px) for member in shown], axis=0)
        heat = cut_heat(heat, self.heatmaps.threshold, self.heatmaps.below)
        if self.heatmaps.scale_by_probability:
            heat = heat * np.float32(np.mean([self.probabilities[member][place, finding] for member in shown]))
        return heat

    def _draw(self, member: int, place: int, number: int, image_px: int) -> np.ndarray:
        maps = self.members[member]
        return self.places[member].draw(maps[place, :, :, number if maps.shape[-1] > 1 else 0], image_px)


@dataclass(frozen=True)
class _Member:
    maker: MapMaker
    image_px: int

    def read(self, store: Store, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.maker.run(read_images(store, rows, self.image_px)[..., None])


@contextmanager
def open_maps(
    folders: Sequence[Path], store: Store, engine: str, heatmaps: Heatmaps = DEFAULT, seed: int = 0
) -> Iterator[Callable[[np.ndarray], GroupMaps]]:
    """Open every member once; give the function that makes the maps of some rows of the store.

    So any number of images can be gone through, a few dozen at a time, in the memory of a few dozen. seed: of the noise
    of SmoothGrad. Raises UserError, naming the member, for a network that the method cannot explain.
    """
    best = best_members(folders, store.findings, heatmaps.target) if heatmaps.group == "best" else None
    with tempfile.TemporaryDirectory() as files:
        members = []
        for number, folder in enumerate(folders):
            model = load_member(folder, store.findings)
            asked = _asked(model, engine, Path(files) / str(number), heatmaps, seed)
            try:
                maker = METHODS[heatmaps.method](model, asked)
            except UserError as error:
                raise UserError(f"{folder}: {error}") from error
            members.append(_Member(maker, model.input_shape[1]))

        def read(rows: np.ndarray) -> GroupMaps:
            probabilities, maps = zip(*(one.read(store, rows) for one in members), strict=True)
            places = [one.maker.places for one in members]
            return GroupMaps(list(maps), places, list(probabilities), best, heatmaps)

        yield read


def _asked(model: keras.Model, engine: str, files: Path, heatmaps: Heatmaps, seed: int) -> Asked:
    outputs = model.output_shape[-1]
    target = np.ones((outputs, 1), np.float32) if heatmaps.target == "sum" else np.eye(outputs, dtype=np.float32)
    return Asked(target, lambda network: open_engine(network, engine, files), seed)
