"""A finished group in, localization/ out: boxes of every test image, and how well its heatmaps show the place."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, written_atomically
from cxr.config.errors import UserError
from cxr.evaluation.mean_auroc import LEVEL
from cxr.visualization.localization.begun import KEEP_CHUNKS, Begun
from cxr.visualization.localization.checks import deletion_entries, lung_entries, randomised_entries
from cxr.visualization.localization.estimates import (
    PART,
    Sample,
    counts_by_finding,
    findings_with_place,
    score_entries,
    table_rows,
)
from cxr.visualization.localization.examples import forget_examples
from cxr.visualization.localization.lungs import LungMass
from cxr.visualization.localization.pictures import write_examples
from cxr.visualization.localization.record import RECORD, WITH_PLACE
from cxr.visualization.localization.rules import (
    Fits,
    Rules,
    choose_rule,
    cross_fit,
    given_rule,
    measure_rules,
    same_for_all,
)
from cxr.visualization.localization.scores import Scorer, Scores
from cxr.visualization.localization.seen import Seen
from cxr.visualization.localization.task import Task
from cxr.visualization.localization.truth import Truth, read_truth
from cxr.visualization.localization.walk import Chunk, Part, walk_maps
from cxr.visualization.localization.written import box_files

TABLE, EXAMPLES = "localization.csv", "examples"


def localize(task: Task, folder: Path, inputs: str) -> dict[str, Any]:
    """Write boxes.csv, boxes.json, localization.csv, examples/ and, last, localization.json; return the latter.

    What an interrupted call of the same inputs did is not done again, but for the last few hundred images.
    """
    begun = Begun.of(folder, inputs)
    store, sizes = task.store, task.sizes["pooled"]
    truth = read_truth(task.true_boxes, store, sizes, PART)
    rules = _rules(task, truth, begun)
    scorer = Scorer(store, sizes, truth, rules, task.heatmaps.boxes.score, task.heatmaps.pointing_tolerance, task.seed)
    lungs = LungMass(store, sizes, task.usable)
    test = np.flatnonzero(store.parts == PART)
    head = {"split": {key: store.split[key] for key in ("name", "hash")} | {"part": PART}, "boxes": rules.record()}
    with box_files(folder, store, sizes, task.asked, head) as (write, counts):
        maps = partial(walk_maps, task.parts(test), task.open_maps, task.progress("heatmaps"))
        scores = _score_maps(maps, scorer, lungs, write, begun)
        (folder / RECORD).unlink(missing_ok=True)  # only now: what the method cannot explain has been refused
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
        WITH_PLACE: None,
        "randomised": None,
        "lungs": lung_entries(task, lungs),
        "deletion": deletion_entries(task, test, begun),
        "examples": [],
    }
    forget_examples(folder / EXAMPLES)
    if reason is None:
        sample = Sample.of(scores.rows, store.patient_ids, store.findings, task.resamples, task.seed)
        result["findings"] = counts_by_finding(scores, sample, store.patient_ids)
        result["numbers"] = score_entries(scores, sample)
        result[WITH_PLACE] = findings_with_place(result["numbers"])
        result["randomised"] = randomised_entries(task, scorer, truth, sample, begun)
        result["examples"] = write_examples(task, scores, scorer, folder / EXAMPLES)
    _write_table(folder / TABLE, result)
    begun.end()
    write_json(folder / RECORD, {"inputs": inputs, **result})
    return result


def _score_maps(
    maps: Callable[[int], Iterable[Chunk]],
    scorer: Scorer,
    lungs: LungMass,
    write: Callable[[np.ndarray, list[list[np.ndarray]]], None],
    begun: Begun,
) -> Scores:
    """Go through the maps that were not seen yet; maps: how many chunks to skip -> the rest."""
    kept = begun.read_arrays("maps")
    seen = Seen.of(kept)
    lungs.restore({name.removeprefix("lungs_"): array for name, array in kept.items() if name.startswith("lungs_")})
    for rows, boxes in seen.chunks():
        write(rows, boxes)

    def keep() -> None:
        collected = {f"lungs_{name}": array for name, array in lungs.arrays().items()}
        begun.keep_arrays("maps", seen.arrays() | collected)

    def look(chunk: Chunk, boxes: list[list[np.ndarray]]) -> None:
        write(chunk.rows, boxes)
        lungs.add(chunk)
        if len(seen.rows) % KEEP_CHUNKS == 0:
            keep()

    scores = scorer.run(maps(len(seen.rows)), look, seen)
    keep()
    return scores


def _rules(task: Task, truth: Truth, begun: Begun) -> Rules:
    boxes, rows = task.heatmaps.boxes, len(task.store.image_ids)
    given = given_rule(boxes)
    how = boxes.fit
    if how == "auto":
        how = "given" if task.store.record["synthetic"] else "cross"
    if how == "given" or (how == "cross" and not truth.boxes):
        return same_for_all("given", given, rows)
    if how == "cross":
        fits = _fits(task, task.parts(truth.rows), truth, task.sizes["pooled"], begun)
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
    fits = _fits(task, [Part(task.members[fold], store, val.rows)], val, task.sizes[fold], begun)
    found = choose_rule(fits, np.ones(len(fits.rows), bool))
    return same_for_all("validation", found or given, rows, len(fits.rows))


def _fits(task: Task, parts: Sequence[Part], truth: Truth, sizes: np.ndarray, begun: Begun) -> Fits:
    """How well every rule does, measured once."""
    kept = begun.read_arrays("fits")
    if not kept:
        fits = measure_rules(walk_maps(parts, task.open_maps, task.progress("boxes: fit")), truth, sizes)
        kept = {"rows": fits.rows, "findings": fits.findings, "overlaps": fits.overlaps}
        begun.keep_arrays("fits", kept)
    return Fits(**kept)


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
