"""A task in, what needs no true boxes, or other networks, out: lungs, deletion and insertion, random weights."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cxr.visualization.localization.begun import KEEP_CHUNKS, Begun
from cxr.visualization.localization.controls import random_maps
from cxr.visualization.localization.deletion import choose_sample, measure_curves, predict_with
from cxr.visualization.localization.estimates import Sample, score_entries
from cxr.visualization.localization.lungs import LungMass
from cxr.visualization.localization.randomised import randomise_members
from cxr.visualization.localization.scores import Scorer
from cxr.visualization.localization.seen import Seen
from cxr.visualization.localization.task import Task
from cxr.visualization.localization.truth import Truth
from cxr.visualization.localization.walk import walk_maps


def lung_entries(task: Task, lungs: LungMass) -> dict[str, Any] | None:
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


def deletion_entries(task: Task, test: np.ndarray, begun: Begun) -> dict[str, Any] | None:
    """Deletion and insertion of own and random maps on a sample of test images; None when there is none."""
    store = task.store
    chosen = choose_sample(store, test, task.heatmaps.deletion_images, task.seed)
    done = begun.read_list("deletion")  # per image [row, [finding, four areas], ...]
    tell, size = task.progress("deletion"), store.crops.shape[1]
    for part in task.parts(np.setdiff1d(chosen, [row for row, *_ in done])):
        if not len(part.rows):
            continue
        with tempfile.TemporaryDirectory() as files, task.open_maps(part.folders, store) as read:
            predict = predict_with(part.folders, store.findings, task.engine, Path(files))
            for row in map(int, part.rows):
                maps, crop = read(np.array([row])), np.asarray(store.crops[store.rows[row]])
                found: list[Any] = [row]
                for finding in map(int, np.flatnonzero(store.labels[row] == 1)):
                    noise = random_maps(task.seed, str(store.image_ids[row]), store.findings[finding],
                                        maps.members[0].shape[1:3], size)[0]  # fmt: skip
                    own = measure_curves(crop, maps.heat(0, finding, size), finding, predict)
                    other = measure_curves(crop, noise, finding, predict)
                    areas = own["deletion"], other["deletion"], own["insertion"], other["insertion"]
                    found.append([finding, *areas])
                done.append(found)
                begun.keep_list("deletion", done)
                tell(len(done), len(chosen))
    rows = [row for row, *pairs in done for _ in pairs]
    areas = [pair[1:] for _, *pairs in done for pair in pairs]
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


def randomised_entries(task: Task, scorer: Scorer, truth: Truth, sample: Sample, begun: Begun) -> dict[str, Any]:
    """Pointing and energy of the same networks with random weights, on the images with boxes."""
    with tempfile.TemporaryDirectory() as files:
        members = {
            fold: randomise_members(folders, Path(files) / f"fold-{fold}", task.seed)
            for fold, folders in task.members.items()
        }
        seen = Seen.of(begun.read_arrays("random"))

        def keep(*_: Any) -> None:
            if len(seen.rows) % KEEP_CHUNKS == 0:
                begun.keep_arrays("random", seen.arrays())

        tell = task.progress("random weights")
        walked = walk_maps(task.parts(truth.rows, members), task.open_maps, tell, len(seen.rows))
        scores = scorer.run(walked, keep, seen)
    numbers = score_entries(scores, sample, ("own", "swapped"))
    return {number: numbers[number] for number in ("pointing", "energy")}
