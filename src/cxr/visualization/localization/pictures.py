"""A scored task in, its best and worst maps as pictures in a folder out, with what is said of each."""

from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.errors import UserError
from cxr.images.files import ImageError, read_image, write_png
from cxr.preparation.store import Store
from cxr.visualization.localization.examples import caption_of, choose_examples, draw_example, example_name
from cxr.visualization.localization.scores import Scorer, Scores
from cxr.visualization.localization.task import Task
from cxr.visualization.localization.walk import MAP_PX, frame_of
from cxr.visualization.map_boxes import find_boxes


def write_examples(task: Task, scores: Scores, scorer: Scorer, folder: Path) -> list[dict[str, Any]]:
    """Draw the best and the worst; return what is said of each."""
    folder.mkdir(parents=True, exist_ok=True)
    store, chosen, shown = task.store, choose_examples(scores), []
    for part in task.parts(np.unique([one.row for one in chosen])):
        if not len(part.rows):
            continue
        with task.open_maps(part.folders, store) as read:
            for number, example in enumerate(chosen, 1):
                if example.row not in part.rows:
                    continue
                heat = read(np.array([example.row])).heat(0, example.finding, MAP_PX)
                finding, image_id = store.findings[example.finding], str(store.image_ids[example.row])
                frame = frame_of(store, scorer.sizes, example.row)
                found = find_boxes(heat, scorer.rules.of(example.row), scorer.score)
                picture = draw_example(
                    _read_original(store, example.row),
                    heat,
                    frame,
                    frame.boxes_to_image(found[:, :4]),
                    scorer.truth.boxes[example.row, example.finding],
                    task.heatmaps.opacity,
                    caption_of(finding, image_id, example.energy),
                    task.heatmaps.colours,
                )
                name = example_name(example, number, finding)
                write_png(folder / name, picture)
                shown.append(
                    {"kind": example.kind, "file": name, "image_id": image_id, "finding": finding}
                    | {"energy": example.energy}
                )
    return shown


def _read_original(store: Store, row: int) -> np.ndarray:
    try:
        return read_image(store.paths[row])
    except ImageError as error:
        raise UserError(f"{store.paths[row]}: {error}; it could be read when the data were prepared") from error
