"""boxes.csv of the prepared data in, the true boxes of the test images out, with what was left out and why."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.datasets.split import PARTS
from cxr.preparation.store import Store
from cxr.visualization.localization.frames import clip_boxes
from cxr.visualization.true_boxes import read_true_boxes


@dataclass(frozen=True, eq=False)
class Truth:
    """The true boxes of one part of a store.

    boxes: (row of the store, number of the finding) -> (m, 4) float64 x0, y0, x1, y1 in pixels of the original, inside
    it. counts: how many boxes and images there are in each part, how many boxes were cut off at the edge (`clipped`),
    lie outside altogether (`outside`), or are of other findings or images (`others`).
    """

    boxes: dict[tuple[int, int], np.ndarray]
    counts: dict[str, Any]

    @property
    def rows(self) -> np.ndarray:
        """(n,) int: rows of the images with boxes, rising."""
        return np.unique([row for row, _ in self.boxes]).astype(np.int64)

    def reason(self) -> str | None:
        """One sentence why nothing can be scored; None where something can."""
        if self.boxes:
            return None
        used = {part: self.counts[part] for part in ("train", "val") if self.counts[part]["boxes"]}
        if not used:
            return "the data hold no boxes of these findings: nothing to score; the boxes of the maps are written"
        where = " and ".join(f"{one['boxes']} on {one['images']} images of {part}" for part, one in used.items())
        return (
            f"every box lies on an image that the group was made with ({where}), none on one of test: refused, as such "
            'a score says little about new images; split.scheme "official" keeps all of NIH\'s boxes in test'
        )


def read_truth(path: Path, store: Store, sizes: np.ndarray, part: str) -> Truth:
    """Read the boxes of the images of `part`.

    sizes: (N, 2) height and width in pixels of the store's originals. A file that is not there holds no boxes.
    UserError for one that is no table of boxes.
    """
    row_of = {image_id: row for row, image_id in enumerate(store.image_ids)}
    counts: dict[str, Any] = {name: {"boxes": 0, "images": 0} for name in PARTS}
    counts |= {"clipped": 0, "outside": 0, "others": 0}
    images: dict[str, set[int]] = {name: set() for name in PARTS}
    found: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
    every = [(*key, corners) for key, boxes in read_true_boxes(path).items() for corners in boxes]
    for image_id, finding, corners in every:
        row = row_of.get(image_id)
        if row is None or finding not in store.findings:
            counts["others"] += 1
            continue
        box = np.array(corners)[None]
        height, width = sizes[row]
        inside = clip_boxes(box, height, width)
        if (inside[0, 2:] <= inside[0, :2]).any():
            counts["outside"] += 1
            continue
        counts["clipped"] += bool((np.abs(inside - box) > 0.01).any())  # boxes.csv is rounded to 0.01
        counts[store.parts[row]]["boxes"] += 1
        images[store.parts[row]].add(row)
        if store.parts[row] == part:
            found[row, store.findings.index(finding)].append(inside)
    for name, rows in images.items():
        counts[name]["images"] = len(rows)
    return Truth({key: np.concatenate(found[key]) for key in sorted(found)}, counts)
