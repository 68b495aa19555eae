"""A finished group in, gradcam/*.png and gradcam/index.csv out: the highest-scored test images of every finding."""

import csv
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.classification.crops import read_images
from cxr.classification.member import load_member
from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError
from cxr.config.params import Heatmaps
from cxr.engines.engine import open_engine
from cxr.evaluation.predictions import Predictions
from cxr.images.files import ImageError, read_image, write_png
from cxr.images.geometry import resize
from cxr.preparation.store import Store, lung_mask
from cxr.visualization.gradcam import normalize_maps, with_maps
from cxr.visualization.overlay import side_by_side
from cxr.visualization.steps import steps_picture

INDEX, STEPS = "index.csv", "steps.png"
CHUNK_IMAGES = 64
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

    Raises UserError when predictions and store do not fit: an image or a finding that only one of them has.
    """
    test = predictions.part("test")
    row_of = {image_id: row for row, image_id in enumerate(store.image_ids)}
    unknown = [image_id for image_id in test.image_ids if image_id not in row_of]
    if unknown:
        raise UserError(f"predictions.csv names image {unknown[0]}, which the prepared data do not have; train again")
    if set(test.findings) != set(store.findings):
        raise UserError(
            f"predictions.csv is about {', '.join(test.findings)}; asked for are {', '.join(store.findings)}; train again"
        )
    chosen = []
    for number, finding in enumerate(store.findings):
        column = test.findings.index(finding)  # the file's columns may be in another order
        scores = test.probabilities[:, column]
        for rank, place in enumerate(np.argsort(-scores, kind="stable")[:per_finding], 1):
            label = float(test.label_codes[place, column])
            chosen.append(Chosen(number, rank, row_of[str(test.image_ids[place])], float(scores[place]), label))
    return chosen


def group_maps(
    folders: Sequence[Path], store: Store, rows: np.ndarray, engine: str, on_progress: Callable[[int, int], None]
) -> np.ndarray:
    """Return (n, S, S, K) float32 maps in [0, 1] over the crops: the mean over members of each member's own map."""
    size = store.crops.shape[1]
    total = np.zeros((len(rows), size, size, len(store.findings)), np.float32)
    for number, folder in enumerate(folders):
        model = with_maps(load_member(folder, store.findings))
        with tempfile.TemporaryDirectory() as files:
            runner = open_engine(model, engine, Path(files))
            for start in range(0, len(rows), CHUNK_IMAGES):
                images = read_images(store, rows[start : start + CHUNK_IMAGES], model.input_shape[1])[..., None]
                maps = normalize_maps(runner.run(images)[1])
                for place, map_ in enumerate(maps, start):
                    total[place] += _enlarge(map_, size)
                on_progress(number * len(rows) + start + len(images), len(folders) * len(rows))
    return total / len(folders)


def _enlarge(map_: np.ndarray, size: int) -> np.ndarray:
    """(h, w, K) to (size, size, K), finding by finding, because OpenCV resizes few channels at a time."""
    return np.stack([resize(np.ascontiguousarray(map_[..., k]), size, size) for k in range(map_.shape[-1])], axis=-1)


def write_gallery(
    folders: Sequence[Path],
    predictions: Predictions,
    store: Store,
    heatmaps: Heatmaps,
    folder: Path,
    engine: str,
    on_progress: Callable[[int, int], None],
) -> int:
    """Write one picture per finding and rank and the index; return the number of pictures. Older ones are removed."""
    chosen = choose_highest(predictions, store, heatmaps.images_per_finding)
    rows = np.unique([choice.row for choice in chosen])
    maps = group_maps(folders, store, rows, engine, on_progress)
    place_of = {int(row): place for place, row in enumerate(rows)}
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.png"), folder / INDEX]:
        old.unlink(missing_ok=True)
    _write_steps(chosen, maps, place_of, store, heatmaps.opacity, folder)
    records = []
    for choice in chosen:
        heat = maps[place_of[choice.row], :, :, choice.finding]
        name = _write_picture(choice, heat, store, heatmaps.opacity, folder)
        label = "" if np.isnan(choice.label) else f"{choice.label:.0f}"
        finding = store.findings[choice.finding]
        records.append((store.image_ids[choice.row], finding, f"{choice.probability:.6f}", label, name))
    with written_atomically(folder / INDEX) as part, part.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [("image_id", "finding", "probability", "label", "file"), *records]
        )
    return len(records)


def _write_steps(
    chosen: list[Chosen], maps: np.ndarray, place_of: dict[int, int], store: Store, opacity: float, folder: Path
) -> None:
    """Write the way of one image, the surest true positive, or the surest of all where none is positive."""
    best = max(chosen, key=lambda choice: (choice.label == 1, choice.probability))
    picture = steps_picture(
        _read_original(store, best.row),
        lung_mask(store, best.row),
        store.boxes[best.row],
        store.crops[store.rows[best.row]],
        maps[place_of[best.row], :, :, best.finding],
        opacity,
        f"{store.findings[best.finding]} {best.probability:.2f}, label: {LABEL_TEXTS.get(best.label, 'unknown')}",
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
    picture = side_by_side(image, store.boxes[choice.row], heat, opacity, caption)
    name = f"{finding}-{choice.rank:02d}-{re.sub(r'[^A-Za-z0-9._-]', '_', image_id.rpartition('.')[0] or image_id)}.png"
    write_png(folder / name, picture)
    return name
