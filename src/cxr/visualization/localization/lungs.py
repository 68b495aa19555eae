"""Maps of images with a finding in, the share of their heat inside the lungs out, beside that of an even map."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cxr.classification.lung_control import mask_in_crop
from cxr.preparation.store import Store, lung_mask
from cxr.visualization.localization.measures import energy_in
from cxr.visualization.localization.walk import MAP_PX, Chunk, frame_of

COLLECTED = ("rows", "findings", "inside", "even")


@dataclass(eq=False)
class LungMass:
    """Collects, chunk by chunk, of every image labelled with a finding whose lungs were found.

    store: of the images; sizes: (N, 2) of the originals; usable: (N,) bool, whose lungs were good enough to crop to.
    """

    store: Store
    sizes: np.ndarray
    usable: np.ndarray
    rows: list[int] = field(default_factory=list)
    findings: list[int] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    """Share of the heat in the lungs."""
    even: list[float] = field(default_factory=list)
    """Share of the crop that they fill."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was collected as arrays (M,)."""
        return {name: np.array(getattr(self, name)) for name in COLLECTED}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from such arrays; nothing was collected where there are none."""
        for name in filter(arrays.__contains__, COLLECTED):
            getattr(self, name)[:] = arrays[name].tolist()

    def add(self, chunk: Chunk) -> None:
        """Look at the maps of one chunk."""
        if self.store.lungs is None:
            return
        for place, row in enumerate(map(int, chunk.rows)):
            found = np.flatnonzero(self.store.labels[row] == 1)
            found = [finding for finding in found if chunk.heat[place, finding].max() > 0]
            if not found or not self.usable[row]:
                continue
            frame = frame_of(self.store, self.sizes, row)
            lungs = mask_in_crop(
                lung_mask(self.store, row), frame.box, frame.lie, frame.height_px, frame.width_px, MAP_PX
            )
            for finding in found:
                self.rows.append(row)
                self.findings.append(int(finding))
                self.inside.append(energy_in(chunk.heat[place, finding], lungs))
                self.even.append(float(lungs.mean()))
