"""A finished group in, folders of pictures with an index out: the highest-scored, a sample, or the whole test part."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.config.record import read_json
from cxr.images.files import ImageError, write_png
from cxr.preparation.store import lung_mask
from cxr.visualization.calls import Calls
from cxr.visualization.caption import SOFT_COLOUR, TEXT_COLOUR, Piece
from cxr.visualization.choices import Choice, choose_highest, finding_names, rank_highest, top_name
from cxr.visualization.drawing import EMPTY, Sources, Unread, call_piece, draw_choices, number_text
from cxr.visualization.grid import MOST, draw_tile, lay_grid
from cxr.visualization.originals import read_original
from cxr.visualization.overlay import TRUE_COLOUR
from cxr.visualization.steps import steps_picture

INDEX, ERRORS, STEPS, BEGUN = "index.csv", "errors.csv", "steps.png", "begun.json"
INDEX_COLUMNS = ("image_id", "finding", "probability", "label", "file", "calibrated", "threshold", "outcome")
Told = Callable[[int, int], None]


def write_highest(sources: Sources, folder: Path, on_progress: Told) -> tuple[list[Choice], list[Unread]]:
    """Write the highest-scored test images of every finding, a grid of up to MOST each, `steps.png` and the index.

    Pictures of an earlier run are removed. Returns what was drawn, and the images whose originals could not be.
    """
    calls, count = sources.calls, sources.heatmaps.images_per_finding
    choices = choose_highest(calls, count)
    ranks = rank_highest(calls, MOST)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.png"), *folder.glob(".part-*"), folder / INDEX, folder / ERRORS]:
        old.unlink(missing_ok=True)
    best = max(choices, key=lambda one: (calls.labels[one.image, one.finding] == 1, calls.raw[one.image, one.finding]))
    tiles: dict[tuple[int, int], np.ndarray] = {}

    def keep(image: int, finding: int, heat: np.ndarray) -> None:
        if (image, finding) == (best.image, best.finding):
            _write_steps(sources, best, heat, folder)
        if (image, finding) in ranks:
            tiles[image, finding] = _tile(sources, image, finding, heat, ranks[image, finding])

    unread = draw_choices(choices, sources, folder, on_progress, keep, list(ranks))
    for finding, name in enumerate(finding_names(calls.findings)):
        pairs = [pair for pair in ranks if pair[1] == finding]
        title = _title(calls, finding, len(pairs), any(sources.boxes_of(*pair) for pair in pairs))
        write_png(folder / top_name(name), lay_grid([tiles[pair] for pair in pairs], title))
    return _write_tables(choices, unread, sources, folder), unread


def write_collection(
    choices: Sequence[Choice], sources: Sources, folder: Path, inputs: str, on_progress: Told
) -> tuple[list[Choice], list[Unread]]:
    """Write the pictures of the choices that are not there yet, and the index; return what is there and what cannot.

    inputs: what the pictures depend on; pictures of other inputs are removed, those of an interrupted call are kept.
    """
    begun = folder / BEGUN
    for cut_off in folder.rglob(".part-*"):  # of a call that was killed
        cut_off.unlink()
    if not (begun.is_file() and read_json(begun).get("inputs") == inputs):
        for old in [*folder.glob("*/*.jpg"), folder / INDEX, folder / ERRORS]:
            old.unlink(missing_ok=True)
        write_json(begun, {"inputs": inputs})
    missing = {choice.image for choice in choices if not (folder / choice.file).is_file()}
    todo = [choice for choice in choices if choice.image in missing]
    unread = draw_choices(todo, sources, folder, on_progress)
    for place in folder.iterdir():
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
    return _write_tables(choices, unread, sources, folder), unread


def _write_tables(choices: Sequence[Choice], unread: Sequence[Unread], sources: Sources, folder: Path) -> list[Choice]:
    """Write errors.csv, where there are any, and the index of the rest, which is returned; UserError for no picture."""
    calls, failed = sources.calls, {one.image for one in unread}
    drawn = [choice for choice in choices if choice.image not in failed]
    (folder / ERRORS).unlink(missing_ok=True)
    if unread:
        lines = [(calls.image_ids[one.image], one.path, one.reason) for one in unread]
        _write_csv(folder / ERRORS, [("image_id", "path", "reason"), *lines])
    if unread and not drawn:
        raise UserError(f"{unread[0].path}: {unread[0].reason}; so it is with all {len(unread)} images asked for")
    _write_csv(folder / INDEX, [INDEX_COLUMNS, *(_index_line(calls, choice) for choice in drawn)])
    return drawn


def _index_line(calls: Calls, choice: Choice) -> tuple[str, ...]:
    place = choice.image, choice.finding
    code, threshold = calls.labels[place], calls.thresholds[place]
    return (
        str(calls.image_ids[choice.image]),
        calls.findings[choice.finding],
        f"{calls.raw[place]:.6f}",
        "" if np.isnan(code) else f"{code:.0f}",
        choice.file,
        "" if calls.calibrated is None else f"{calls.calibrated[place]:.6f}",
        "" if np.isnan(threshold) else f"{threshold:.6g}",
        calls.outcome(*place),
    )


def _write_csv(path: Path, lines: Iterable[Sequence[object]]) -> None:
    with written_atomically(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(lines)


def _title(calls: Calls, finding: int, tiles: int, with_boxes: bool) -> list[Piece]:
    kind = "raw" if calls.calibrated is None else "calibrated"
    thresholds = np.unique(calls.thresholds[:, finding])  # with cross-validation one per fold
    cut = f"threshold {', '.join(map(number_text, thresholds))}" if not np.isnan(thresholds).any() else "no threshold"
    return [
        (calls.findings[finding].replace("_", " "), TEXT_COLOUR),
        (f"the {tiles} highest of {len(calls.image_ids):,} test images, {kind} probabilities, {cut}", SOFT_COLOUR),
        *([("true boxes", TRUE_COLOUR)] * with_boxes),
    ]


def _tile(sources: Sources, image: int, finding: int, heat: np.ndarray, rank: int) -> np.ndarray:
    calls, heatmaps = sources.calls, sources.heatmaps
    caption = [
        (f"{rank}.  {number_text(calls.shown[image, finding])}", TEXT_COLOUR),
        call_piece(calls, image, finding, with_threshold=False),
        (f"label: {calls.label_text(image, finding)}", TEXT_COLOUR),
        (str(calls.image_ids[image]), SOFT_COLOUR),
    ]
    caption += [] if heat.any() else [(EMPTY, SOFT_COLOUR)]
    boxes = sources.boxes_of(image, finding)
    return draw_tile(sources.store, int(calls.rows[image]), heat, heatmaps.opacity, heatmaps.colours, caption, boxes)


def _write_steps(sources: Sources, choice: Choice, heat: np.ndarray, folder: Path) -> None:
    """Write the way of one image through the pipeline; nothing where its original cannot be read."""
    store, calls, row = sources.store, sources.calls, int(sources.calls.rows[choice.image])
    try:
        original = read_original(store.paths[row], sources.prepared.get(str(store.image_ids[row])))
    except ImageError:
        return
    picture = steps_picture(
        original,
        lung_mask(store, row),
        store.boxes[row],
        store.crops[store.rows[row]],
        heat,
        sources.heatmaps.opacity,
        f"{calls.findings[choice.finding].replace('_', ' ')} {number_text(calls.shown[choice.image, choice.finding])}, "
        f"label: {calls.label_text(choice.image, choice.finding)}",
        sources.heatmaps.colours,
    )
    write_png(folder / STEPS, picture)
