"""Chosen images of a group in, their pictures out: maps chunk by chunk, pictures in threads, memory of one chunk."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from cxr.config.heatmaps import Heatmaps
from cxr.images.files import ImageError, write_jpeg, write_png
from cxr.preparation.store import Store
from cxr.visualization.calls import Calls
from cxr.visualization.caption import SOFT_COLOUR, TEXT_COLOUR, Piece
from cxr.visualization.choices import Choice
from cxr.visualization.maps import open_maps
from cxr.visualization.originals import Prepared, read_original
from cxr.visualization.overlay import BOX_COLOUR, TRUE_COLOUR, side_by_side
from cxr.visualization.true_boxes import Corners

CHUNK_IMAGES = 64
JPEG_QUALITY = 85
"""Beside PNG, measured on overlays of 1024-px X-rays (README, Gallery): an eighth of the bytes, a tenth of the time."""
EMPTY = "no heat: no place speaks for it"
RIGHT_COLOUR, WRONG_COLOUR = (150, 200, 255), (255, 180, 90)


@dataclass(frozen=True)
class Sources:
    """What pictures are made of.

    folders: of the members, by fold ("" without folds); an image is explained by those that were tested on it.
    prepared: image_id -> what its original was. true_boxes: (image_id, finding) -> its boxes. workers: threads.
    seed: of the noise that a method may add.
    """

    folders: Mapping[str, Sequence[Path]]
    store: Store
    calls: Calls
    prepared: Mapping[str, Prepared]
    true_boxes: Mapping[tuple[str, str], Sequence[Corners]]
    heatmaps: Heatmaps
    engine: str
    workers: int
    seed: int = 0

    def boxes_of(self, image: int, finding: int) -> Sequence[Corners]:
        """The true boxes of a finding in a test image."""
        return self.true_boxes.get((str(self.calls.image_ids[image]), self.calls.findings[finding]), ())


@dataclass(frozen=True)
class Unread:
    """A test image whose original could not be drawn, and why."""

    image: int
    path: Path
    reason: str


Heats = dict[tuple[int, int], np.ndarray]
"""(test image, finding) -> (S, S) float32 heat over its crop."""


def chunks_of_heat(pairs: Sequence[tuple[int, int]], sources: Sources) -> Iterator[Heats]:
    """Give the heat of all (test image, finding) pairs, those of CHUNK_IMAGES images at a time, in rising order."""
    findings_of = defaultdict(list)
    for image, finding in pairs:
        findings_of[image].append(finding)
    store, rows = sources.store, sources.calls.rows
    for fold, members in sources.folders.items():
        inside = [image for image in sorted(findings_of) if store.folds[rows[image]] == fold]
        if not inside:
            continue
        with open_maps(members, store, sources.engine, sources.heatmaps, sources.seed) as read:
            for start in range(0, len(inside), CHUNK_IMAGES):
                chunk = inside[start : start + CHUNK_IMAGES]
                maps = read(rows[chunk])
                yield {
                    (image, finding): maps.heat(place, finding, store.crops.shape[1])
                    for place, image in enumerate(chunk)
                    for finding in findings_of[image]
                }


def draw_choices(
    choices: Sequence[Choice],
    sources: Sources,
    folder: Path,
    on_progress: Callable[[int, int], None],
    on_heat: Callable[[int, int, np.ndarray], None] | None = None,
    more: Sequence[tuple[int, int]] = (),
) -> list[Unread]:
    """Write the pictures of the choices into `folder`; return the images whose originals could not be drawn.

    An image is read once for all of its pictures. on_heat is told (test image, finding, heat) of every choice and of
    the pairs in `more`. Progress counts images.
    """
    files = defaultdict(list)
    for choice in choices:
        files[choice.image].append(choice)
    pairs = sorted({(choice.image, choice.finding) for choice in choices} | set(more))
    total, done, unread = len({image for image, _ in pairs}), 0, []
    with Parallel(n_jobs=sources.workers, backend="threading") as parallel:
        for heats in chunks_of_heat(pairs, sources):
            if on_heat:
                for (image, finding), heat in heats.items():
                    on_heat(image, finding, heat)
            images = sorted({image for image, _ in heats})
            tasks = (delayed(_draw_image)(files[image], heats, sources, folder) for image in images if files[image])
            unread += [one for one in parallel(tasks) if one is not None]
            done += len(images)
            on_progress(done, total)
    return sorted(unread, key=lambda one: one.image)


def _draw_image(choices: Sequence[Choice], heats: Heats, sources: Sources, folder: Path) -> Unread | None:
    """Draw all pictures of one image; None, or why it could not be."""
    image, store = choices[0].image, sources.store
    row = sources.calls.rows[image]
    try:
        original = read_original(store.paths[row], sources.prepared.get(str(store.image_ids[row])))
    except ImageError as error:
        return Unread(image, store.paths[row], str(error))
    for choice in choices:
        boxes = sources.boxes_of(image, choice.finding)
        picture = side_by_side(
            original,
            store.boxes[row],
            store.lies[row].turn(heats[image, choice.finding]),
            sources.heatmaps.opacity,
            caption_of(sources.calls, image, choice.finding, not heats[image, choice.finding].any(), bool(boxes)),
            boxes,
            sources.heatmaps.colours,
        )
        path = folder / choice.file
        if path.suffix == ".png":
            write_png(path, picture)
        else:
            write_jpeg(path, picture, JPEG_QUALITY)
    return None


def caption_of(calls: Calls, image: int, finding: int, is_empty: bool, with_box: bool) -> list[Piece]:
    """Return what stands above a picture: finding, probability, threshold and call, label, image, colours of boxes.

    is_empty: whether the map is 0 everywhere, which looks like a mistake if nothing is said.
    """
    pieces = [
        (f"{calls.findings[finding].replace('_', ' ')} {number_text(calls.shown[image, finding])}", TEXT_COLOUR),
        ("raw probability" if calls.calibrated is None else "calibrated probability", SOFT_COLOUR),
        call_piece(calls, image, finding),
        (f"label: {calls.label_text(image, finding)}", TEXT_COLOUR),
        (str(calls.image_ids[image]), SOFT_COLOUR),
        ("crop", BOX_COLOUR),
    ]
    return pieces + [("true box", TRUE_COLOUR)] * with_box + [(EMPTY, SOFT_COLOUR)] * is_empty


def call_piece(calls: Calls, image: int, finding: int, with_threshold: bool = True) -> Piece:
    """Return the threshold and on which side of it the finding is, in the colour of right and wrong."""
    called, outcome = calls.is_called(image, finding), calls.outcome(image, finding)
    if called is None:
        return "no threshold", SOFT_COLOUR
    threshold = f"threshold {number_text(calls.thresholds[image, finding])}: " if with_threshold else ""
    text = f"{threshold}called {'present' if called else 'absent'}"
    colours = {"TP": RIGHT_COLOUR, "TN": RIGHT_COLOUR, "FP": WRONG_COLOUR, "FN": WRONG_COLOUR}
    return f"{text} ({outcome})" if outcome else text, colours.get(outcome, TEXT_COLOUR)


def number_text(value: float) -> str:
    """Return a probability to three decimals, a small one to two digits."""
    return f"{value:.3f}" if value >= 0.01 or value == 0 else f"{value:.2g}"
