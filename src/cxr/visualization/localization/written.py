"""Boxes of every test image, chunk by chunk, in; boxes.csv and boxes.json out, each replaced at once when complete."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from cxr.config.atomic import written_atomically
from cxr.evaluation.predictions import Predictions
from cxr.preparation.store import Store
from cxr.visualization.localization.walk import frame_of

CSV, JSON = "boxes.csv", "boxes.json"
COLUMNS = ("image_id", "finding", "probability", "x", "y", "width", "height", "score")


@dataclass(frozen=True, eq=False)
class Asked:
    """Which boxes are written.

    rows: image id -> its place in `probabilities` and `positive`, both (n, K), findings as in the store.
    """

    rows: dict[str, int]
    probabilities: np.ndarray
    positive: np.ndarray

    @classmethod
    def of(
        cls, test: Predictions, findings: tuple[str, ...], calibrated: np.ndarray | None, thresholds: np.ndarray | None
    ) -> "Asked":
        """Ask for what is at or above its threshold (both (n, K), columns as in `test`), or for all when None."""
        order = [test.findings.index(finding) for finding in findings]
        positive = np.ones(test.probabilities.shape, bool)
        if calibrated is not None:
            positive = np.isnan(thresholds) | (calibrated >= thresholds)
        rows = {str(image_id): row for row, image_id in enumerate(test.image_ids)}
        return cls(rows, test.probabilities[:, order], positive[:, order])


@contextmanager
def box_files(
    folder: Path, store: Store, sizes: np.ndarray, asked: Asked, head: dict[str, Any]
) -> Iterator[tuple[Callable[[np.ndarray, list[list[np.ndarray]]], None], dict[str, int]]]:
    """Give the function that writes the boxes of some rows, and counts of what it wrote: `images`, `boxes`.

    It is given boxes per image and finding, (b, 5): shares of the crop, and the score; written are pixels of the
    original. boxes.json: the keys of `head`, then `images`: a list with image_id, width,
    height and, per finding asked for, its probability and boxes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        parts = [files.enter_context(written_atomically(folder / name)) for name in (CSV, JSON)]
        table, text = (files.enter_context(part.open("w", newline="", encoding="utf-8")) for part in parts)
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        text.write(json.dumps(head)[:-1] + (', "images": [' if head else '"images": ['))
        counts = {"images": 0, "boxes": 0}

        def write(rows: np.ndarray, boxes: list[list[np.ndarray]]) -> None:
            for row, found in zip(map(int, rows), boxes, strict=True):
                _write_image(row, found, writer, text, counts)

        def _write_image(row: int, found: list[np.ndarray], writer: Any, text: IO[str], counts: dict[str, int]) -> None:
            image_id, frame = str(store.image_ids[row]), frame_of(store, sizes, row)
            place, answers = asked.rows[image_id], {}
            for number, finding in enumerate(store.findings):
                if not asked.positive[place, number]:
                    continue
                probability = round(float(asked.probabilities[place, number]), 6)
                corners = frame.boxes_to_image(found[number][:, :4])
                kept = (corners[:, 2:] > corners[:, :2]).all(axis=1)  # not on the padding alone
                boxes = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])[kept].round(2).tolist()
                scores = found[number][kept, 4].round(4).tolist()
                answers[finding] = {
                    "probability": probability,
                    "boxes": [
                        dict(zip(COLUMNS[3:], (*box, score), strict=True))
                        for box, score in zip(boxes, scores, strict=True)
                    ],
                }
                writer.writerows(
                    (image_id, finding, probability, *box, score) for box, score in zip(boxes, scores, strict=True)
                )
                counts["boxes"] += len(boxes)
            image = {"image_id": image_id, "width": frame.width_px, "height": frame.height_px, "findings": answers}
            text.write(("," if counts["images"] else "") + "\n" + json.dumps(image))
            counts["images"] += 1

        yield write, counts
        text.write("\n]}\n")
