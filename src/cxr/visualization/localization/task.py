"""What one run of `./cxr localize` is given: members, images, parameters."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.heatmaps import Heatmaps
from cxr.preparation.store import Store
from cxr.visualization.localization.walk import Part, ReadMaps
from cxr.visualization.localization.written import Asked
from cxr.visualization.maps import open_maps

Progress = Callable[[str], Callable[[int, int], None]]
"""Title of a long job -> the function that is told (done, total)."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be localised, and how.

    members: folders by fold ("" without folds); stores: by fold; store: of all folds together; sizes: (N, 2) height and
    width in pixels of its originals; usable: (N,) bool, whose lungs were good enough to crop to; true_boxes: boxes.csv
    of the prepared data; asked: which boxes are written.
    """

    members: Mapping[str, Sequence[Path]]
    stores: Mapping[str, Store]
    store: Store
    sizes: Mapping[str, np.ndarray]
    """By fold, and "pooled"."""
    usable: np.ndarray
    true_boxes: Path
    asked: Asked
    heatmaps: Heatmaps
    resamples: int
    seed: int
    engine: str
    progress: Progress

    def parts(self, rows: np.ndarray, members: Mapping[str, Sequence[Path]] | None = None) -> list[Part]:
        """Test rows of the pooled store, each explained by the members that were tested on its fold."""
        return [
            Part((members or self.members)[fold], self.store, rows[self.store.folds[rows] == fold])
            for fold in self.members
        ]

    def open_maps(self, folders: Sequence[Path], store: Store) -> AbstractContextManager[ReadMaps]:
        """Open members to make their maps as the parameters say."""
        return open_maps(folders, store, self.engine, self.heatmaps, self.seed)
