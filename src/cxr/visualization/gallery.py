"""A finished group in, gradcam/*.png and gradcam/index.csv out: the highest-scored test images of every finding."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.evaluation.predictions import Predictions
from cxr.images.files import ImageError, read_image, write_png
from cxr.preparation.store import Store, lung_mask
from cxr.visualization.maps import GroupMaps, group_maps
from cxr.visualization.overlay import side_by_side
from cxr.visualization.steps import steps_picture

INDEX, STEPS = "index.csv", "steps.png"
LONGEST_ID = 80
"""Characters of an image id in a file name; finding and rank keep the names apart."""
LABEL_TEXTS = {1.0: "present", 0.0: "absent", -1.0: "uncertain"}


@dataclass(frozen=True)
class Chosen:
    """One picture to make: finding number, rank (from 1), row in the store, probability, label code (NaN unknown)."""

    finding: int
    rank: int
    row: int
    probability: float
    label: float


def choose_highest(predictions: Predictions, store: Store, per_finding: int) -> list[Chosen]:
    """Return the test images with the highest probability of each finding, highest first.

    Raises UserError when predictions and store do not fit: an image or a finding that only one of them has, or
    no image of the test part.
    """
    test = predictions.part("test")
    if not len(test.image_ids):
        raise UserError("predictions.csv holds no image of the test part; heatmaps are made of that part only")
    row_of = {image_id: row for row, image_id in enumerate(store.image_ids)}
    unknown = [image_id for image_id in test.image_ids if image_id not in row_of]
    if unknown:
        raise UserError(f"predictions.csv names image {unknown[0]}, which the prepared data do not have; train again")
    if set(test.findings) != set(store.findings):
        raise UserError(
            f"predictions.csv holds {', '.join(test.findings)}; asked for are {', '.join(store.findings)}; train again"
        )
    chosen = []
    for number, finding in enumerate(store.findings):
        column = test.findings.index(finding)  # the file's columns may be in another order
        scores = test.probabilities[:, column]
        for rank, place in enumerate(np.argsort(-scores, kind="stable")[:per_finding], 1):
            label = float(test.label_codes[place, column])
            chosen.append(Chosen(number, rank, row_of[str(test.image_ids[place])], float(scores[place]), label))
    return chosen


def write_gallery(
    folders: Mapping[str, Sequence[Path]],
    predictions: Predictions,
    store: Store,
    heatmaps: Heatmaps,
    folder: Path,
    engine: str,
    on_progress: Callable[[int, int], None],
    seed: int = 0,
) -> int:
    """Write one picture per finding and rank and the index; return the number of pictures. Older ones are removed.

    folders: of the members, by fold ("" without folds); an image is explained by those that were tested on it.
    seed: of the noise that a method may add.
    """
    chosen = choose_highest(predictions, store, heatmaps.images_per_finding)
    rows = np.unique([choice.row for choice in chosen])
    heat_of = _heat_by_fold(folders, store, rows, engine, on_progress, heatmaps, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.png"), folder / INDEX]:
        old.unlink(missing_ok=True)
    best = max(chosen, key=lambda choice: (choice.label == 1, choice.probability))  # the surest true positive
    records = []
    for choice in chosen:
        heat = heat_of(choice.row, choice.finding)
        if choice is best:
            _write_steps(choice, heat, store, heatmaps.opacity, folder)
        name = _write_picture(choice, heat, store, heatmaps.opacity, folder)
        label = "" if np.isnan(choice.label) else f"{choice.label:.0f}"
        finding = store.findings[choice.finding]
        records.append((store.image_ids[choice.row], finding, f"{choice.probability:.6f}", label, name))
    with written_atomically(folder / INDEX) as part, part.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [("image_id", "finding", "probability", "label", "file"), *records]
        )
    return len(records)


def _heat_by_fold(
    folders: Mapping[str, Sequence[Path]],
    store: Store,
    rows: np.ndarray,
    engine: str,
    on_progress: Callable[[int, int], None],
    heatmaps: Heatmaps,
    seed: int,
) -> Callable[[int, int], np.ndarray]:
    """Return the function (row, finding) -> (S, S) heat over the crop, by the members of the row's fold."""
    places: dict[int, tuple[GroupMaps, int]] = {}
    for fold, members in folders.items():
        inside = rows[store.folds[rows] == fold]
        if len(inside):
            maps = group_maps(members, store, inside, engine, on_progress, heatmaps, seed)
            places |= {int(row): (maps, place) for place, row in enumerate(inside)}

    def heat(row: int, finding: int) -> np.ndarray:
        maps, place = places[row]
        return maps.heat(place, finding, store.crops.shape[1])

    return heat


def _write_steps(choice: Chosen, heat: np.ndarray, store: Store, opacity: float, folder: Path) -> None:
    """Write the way of one image through the pipeline."""
    picture = steps_picture(
        _read_original(store, choice.row),
        lung_mask(store, choice.row),
        store.boxes[choice.row],
        store.crops[store.rows[choice.row]],
        heat,
        opacity,
        f"{store.findings[choice.finding]} {choice.probability:.2f}, label: {LABEL_TEXTS.get(choice.label, 'unknown')}",
    )
    write_png(folder / STEPS, picture)


def _read_original(store: Store, row: int) -> np.ndarray:
    """Return the (H, W) uint8 original of a row; UserError when it is not what was prepared any more."""
    try:
        return read_image(store.paths[row])
    except ImageError as error:
        raise UserError(f"{store.paths[row]}: {error}; it could be read when the data were prepared") from error


def _write_picture(choice: Chosen, heat: np.ndarray, store: Store, opacity: float, folder: Path) -> str:
    finding, image_id = store.findings[choice.finding], str(store.image_ids[choice.row])
    image = _read_original(store, choice.row)
    label = LABEL_TEXTS.get(choice.label, "unknown")
    caption = f"{finding} {choice.probability:.2f}   label: {label}   {image_id}"
    heat = store.lies[choice.row].turn(heat)
    picture = side_by_side(image, store.boxes[choice.row], heat, opacity, caption)
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", image_id.rpartition(".")[0] or image_id)[:LONGEST_ID]
    name = f"{finding}-{choice.rank:02d}-{stem}.png"
    write_png(folder / name, picture)
    return name
