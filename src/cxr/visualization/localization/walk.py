"""Members and rows of a store in, the maps of a few dozen images at a time out; no patient is parted.

So whatever compares an image with the others of its patient needs no second look, and memory does not grow with the
number of images.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.preparation.store import Store
from cxr.visualization.localization.frames import Frame
from cxr.visualization.map_boxes import MAP_PX
from cxr.visualization.maps import GroupMaps

CHUNK_IMAGES = 32
ReadMaps = Callable[[np.ndarray], GroupMaps]
"""(n,) rows -> their maps."""
Opened = Callable[[Sequence[Path], Store], AbstractContextManager[ReadMaps]]
"""Folders of members and a store -> what makes the maps of some rows, as `open_maps` with all else settled."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a store, and the folders of the members that are to explain them."""

    folders: Sequence[Path]
    store: Store
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Chunk:
    """rows: (n,) of the store; heat: (n, K, S, S) float32 in [0, 1] over the upright crops; grid: (h, w) of a map."""

    store: Store
    rows: np.ndarray
    heat: np.ndarray
    grid: tuple[int, int]


def walk_maps(
    parts: Sequence[Part], opened: Opened, on_progress: Callable[[int, int], None], skipped: int = 0
) -> Iterator[Chunk]:
    """Give the maps of all rows of all parts, in the order of the patients, but for the first `skipped` chunks."""
    done, total = 0, sum(len(part.rows) for part in parts)
    for part in parts:
        chunks = list(whole_patients(part.rows, part.store.patient_ids[part.rows]))
        done += sum(map(len, chunks[:skipped]))
        chunks, skipped = chunks[skipped:], max(skipped - len(chunks), 0)
        if not chunks:
            continue
        with opened(part.folders, part.store) as read:
            for rows in chunks:
                maps = read(rows)
                drawn = [
                    [maps.heat(place, finding, MAP_PX) for finding in range(len(part.store.findings))]
                    for place in range(len(rows))
                ]
                done += len(rows)
                yield Chunk(part.store, rows, np.asarray(drawn, np.float32), maps.members[0].shape[1:3])
                on_progress(done, total)


def whole_patients(rows: np.ndarray, patients: np.ndarray) -> Iterator[np.ndarray]:
    """Give (n,) rows in chunks of CHUNK_IMAGES or, to end with the last image of a patient, somewhat more."""
    order = np.argsort(patients, kind="stable")
    rows, patients = rows[order], patients[order]
    ends = np.append(np.flatnonzero(patients[1:] != patients[:-1]) + 1, len(rows))
    start = 0
    for end in ends:
        if end - start >= CHUNK_IMAGES or end == len(rows):
            yield rows[start:end]
            start = end


def frame_of(store: Store, sizes: np.ndarray, row: int) -> Frame:
    """Return where the crop of a row lies. sizes: (N, 2) height and width in pixels of the originals."""
    return Frame(store.boxes[row], store.lies[row], int(sizes[row, 0]), int(sizes[row, 1]))
