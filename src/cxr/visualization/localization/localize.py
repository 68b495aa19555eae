"""A finished group in, localization/ out: boxes of every test image, and how well its heatmaps show the place."""

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.config.heatmaps import Heatmaps
from cxr.evaluation.mean_auroc import LEVEL
from cxr.images.files import ImageError, read_image, write_png
from cxr.preparation.store import Store
from cxr.visualization.localization.controls import random_maps
from cxr.visualization.localization.deletion import choose_sample, measure_curves, predict_with
from cxr.visualization.localization.estimates import PART, Sample, counts_by_finding, score_entries, table_rows
from cxr.visualization.localization.examples import choose_examples, draw_example, example_name, forget_examples
from cxr.visualization.localization.lungs import LungMass
from cxr.visualization.localization.randomised import randomise_members
from cxr.visualization.localization.rules import Rules, cross_fit, given_rule, measure_rules, same_for_all
from cxr.visualization.localization.rules import choose_rule as best_rule
from cxr.visualization.localization.scores import Scorer, Scores
from cxr.visualization.localization.truth import Truth, read_truth
from cxr.visualization.localization.walk import MAP_PX, Part, ReadMaps, frame_of, walk_maps
from cxr.visualization.localization.written import Asked, box_files
from cxr.visualization.map_boxes import find_boxes
from cxr.visualization.maps import open_maps

RECORD, TABLE, EXAMPLES = "localization.json", "localization.csv", "examples"
Progress = Callable[[str], Callable[[int, int], None]]


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


def localize(task: Task, folder: Path, inputs: str) -> dict[str, Any]:
    """Write boxes.csv, boxes.json, localization.csv, examples/ and, last, localization.json; return the latter."""
    store, sizes = task.store, task.sizes["pooled"]
    truth = read_truth(task.true_boxes, store, sizes, PART)
    rules = _rules(task, truth)
    scorer = Scorer(store, sizes, truth, rules, task.heatmaps.boxes.score, task.heatmaps.pointing_tolerance, task.seed)
    lungs = LungMass(store, sizes, task.usable)
    test = np.flatnonzero(store.parts == PART)
    head = {"split": {key: store.split[key] for key in ("name", "hash")} | {"part": PART}, "boxes": rules.record()}
    with box_files(folder, store, sizes, task.asked, head) as (write, counts):

        def look(chunk: Any, boxes: list[list[np.ndarray]]) -> None:
            write(chunk, boxes)
            lungs.add(chunk)

        scores = scorer.run(walk_maps(task.parts(test), task.open_maps, task.progress("heatmaps")), look)
    reason = truth.reason()
    result: dict[str, Any] = head | {
        "synthetic": bool(store.record["synthetic"]),
        "written": counts | {"of": task.heatmaps.boxes.of, "score": task.heatmaps.boxes.score},
        "truth": truth.counts,
        "intervals": {"level": LEVEL, "resamples": task.resamples},
        "pointing_tolerance": task.heatmaps.pointing_tolerance,
        "reason": reason,
        "findings": None,
        "numbers": None,
        "randomised": None,
        "lungs": _lung_entries(task, lungs),
        "deletion": _deletion(task, test),
        "examples": [],
    }
    forget_examples(folder / EXAMPLES)
    if reason is None:
        sample = Sample.of(scores.rows, store.patient_ids, store.findings, task.resamples, task.seed)
        result["findings"] = counts_by_finding(scores, sample, store.patient_ids)
        result["numbers"] = score_entries(scores, sample)
        result["randomised"] = _randomised(task, scorer, truth, sample)
        result["examples"] = _examples(task, scores, scorer, folder / EXAMPLES)
    _write_table(folder / TABLE, result)
    write_json(folder / RECORD, {"inputs": inputs, **result})
    return result


def _rules(task: Task, truth: Truth) -> Rules:
    boxes, rows = task.heatmaps.boxes, len(task.store.image_ids)
    given = given_rule(boxes)
    how = boxes.fit
    if how == "auto":
        how = "given" if task.store.record["synthetic"] else "cross"
    if how == "given" or (how == "cross" and not truth.boxes):
        return same_for_all("given", given, rows)
    if how == "cross":
        walked = walk_maps(task.parts(truth.rows), task.open_maps, task.progress("boxes: fit"))
        fits = measure_rules(walked, truth, task.sizes["pooled"])
        return cross_fit(fits, task.store.patient_ids, given, task.seed)
    if len(task.stores) > 1:
        raise UserError(
            'heatmaps.boxes.fit "validation": with folds every image is tested, also those of validation; use "cross" '
            'or "given"'
        )
    ((fold, store),) = task.stores.items()
    val = read_truth(task.true_boxes, store, task.sizes[fold], "val")
    if not val.boxes:
        raise UserError('heatmaps.boxes.fit "validation": no image of val has a box; use "cross" or "given"')
    walked = walk_maps([Part(task.members[fold], store, val.rows)], task.open_maps, task.progress("boxes: fit"))
    fits = measure_rules(walked, val, task.sizes[fold])
    found = best_rule(fits, np.ones(len(fits.rows), bool))
    return same_for_all("validation", found or given, rows, len(fits.rows))


def _lung_entries(task: Task, lungs: LungMass) -> dict[str, Any] | None:
    """Heat inside the lungs, what an even map would have, and the ratio; None where no lungs were sought."""
    if not lungs.rows:
        return None
    rows, findings = np.array(lungs.rows), np.array(lungs.findings)
    sample = Sample.of(rows, task.store.patient_ids, task.store.findings, task.resamples, task.seed)
    made = [
        sample.mean(rows, findings, np.array(values), np.ones(len(rows)), "images_with_the_finding")
        for values in (lungs.inside, lungs.even)
    ]
    return {
        "own": sample.entries(made[0], "no images with a finding"),
        "even": sample.entries(made[1], "no images with a finding"),
        "ratio": sample.ratio_entries(*made),
    }


def _deletion(task: Task, test: np.ndarray) -> dict[str, Any] | None:
    """Deletion and insertion of own and random maps on a sample of test images; None when there is none."""
    store, rows, findings, areas = task.store, [], [], []
    chosen = choose_sample(store, test, task.heatmaps.deletion_images, task.seed)
    tell, size = task.progress("deletion"), store.crops.shape[1]
    for part in task.parts(chosen):
        if not len(part.rows):
            continue
        with tempfile.TemporaryDirectory() as files, task.open_maps(part.folders, store) as read:
            predict = predict_with(part.folders, store.findings, task.engine, Path(files))
            for row in map(int, part.rows):
                maps, crop = read(np.array([row])), np.asarray(store.crops[store.rows[row]])
                for finding in map(int, np.flatnonzero(store.labels[row] == 1)):
                    noise = random_maps(task.seed, str(store.image_ids[row]), store.findings[finding],
                                        maps.members[0].shape[1:3], size)[0]  # fmt: skip
                    own = measure_curves(crop, maps.heat(0, finding, size), finding, predict)
                    other = measure_curves(crop, noise, finding, predict)
                    rows.append(row)
                    findings.append(finding)
                    areas.append((own["deletion"], other["deletion"], own["insertion"], other["insertion"]))
                tell(len(set(rows)), len(chosen))
    if not rows:
        return None
    numbers = {"images": len(chosen), "pairs": len(rows)}
    sample = Sample.of(np.array(rows), store.patient_ids, store.findings, task.resamples, task.seed)
    pairs, one = np.array(areas), np.zeros(len(rows), int)
    sample = Sample(sample.images, sample.resamples, ("all findings",))  # a handful of images: no number per finding
    for kind, (own, other) in {"deletion": (0, 1), "insertion": (2, 3)}.items():
        means = [sample.mean(np.array(rows), one, pairs[:, k], np.ones(len(rows)), "images") for k in (own, other)]
        numbers[kind] = {
            "own": sample.entries(means[0])["mean"],
            "random": sample.entries(means[1])["mean"],
            "difference": sample.entries(means[0].minus(means[1]))["mean"],
        }
    return numbers


def _randomised(task: Task, scorer: Scorer, truth: Truth, sample: Sample) -> dict[str, Any]:
    """Pointing and energy of the same networks with random weights, on the images with boxes."""
    with tempfile.TemporaryDirectory() as files:
        members = {
            fold: randomise_members(folders, Path(files) / f"fold-{fold}", task.seed)
            for fold, folders in task.members.items()
        }
        walked = walk_maps(task.parts(truth.rows, members), task.open_maps, task.progress("random weights"))
        scores = scorer.run(walked)
    numbers = score_entries(scores, sample, ("own", "swapped"))
    return {number: numbers[number] for number in ("pointing", "energy")}


def _examples(task: Task, scores: Scores, scorer: Scorer, folder: Path) -> list[dict[str, Any]]:
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
                    f"{finding}: {100 * example.energy:.0f} % of the heat in the box   {image_id}",
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


def _write_table(path: Path, result: Mapping[str, Any]) -> None:
    """localization.csv: one row per number, kind of map and finding."""
    rows = table_rows(result["numbers"] or {})
    rows += table_rows({f"randomised_{name}": kinds for name, kinds in (result["randomised"] or {}).items()})
    rows += table_rows({"lungs": result["lungs"]} if result["lungs"] else {})
    if result["deletion"]:
        curves = {kind: result["deletion"][kind] for kind in ("deletion", "insertion")}
        rows += table_rows({kind: {name: {"mean": one} for name, one in maps.items()} for kind, maps in curves.items()})
    with written_atomically(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [("number", "maps", "finding", "value", "low", "high", "reason"), *rows]
        )
