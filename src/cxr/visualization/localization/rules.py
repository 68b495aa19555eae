"""Maps and true boxes in, the rule that makes boxes out: given, fitted on validation, or cross-fitted by patient.

Parameters tuned on the boxes they are scored on flatter. What is fitted is the mean over findings of the IoU of all
found boxes of an image together with all its true boxes together: many boxes, or tiny ones, do not raise it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from cxr.config.localization import MapBoxes
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.overlap import pixels_of
from cxr.visualization.localization.truth import Truth
from cxr.visualization.localization.walk import Chunk, frame_of
from cxr.visualization.map_boxes import BoxRule, hot_pieces, keep_large, merge_pieces

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
MIN_AREAS = (0.0, 0.0025, 0.01)
MERGES = (0.0, 0.03, 0.1)
RULES = [BoxRule(*values) for values in product(THRESHOLDS, MIN_AREAS, MERGES)]
"""What a fit chooses from; of equally good ones the first."""


@dataclass(frozen=True, eq=False)
class Fits:
    """How well every rule does on every image and finding with true boxes.

    rows, findings: (M,) int; overlaps: (M, R) float64 in [0, 1].
    """

    rows: np.ndarray
    findings: np.ndarray
    overlaps: np.ndarray


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules in use, and which of them an image has: `which` (N,) int by row of the store."""

    how: Literal["given", "validation", "cross"]
    rules: list[BoxRule]
    which: np.ndarray
    fitted_on: list[dict[str, int]]
    """Per rule the images and findings (`pairs`) it was fitted to; empty where none was."""
    note: str = ""
    whole: tuple[BoxRule, dict[str, int]] | None = None
    """Where several are in use: the rule that all those pairs together give, for images beyond this test part."""

    def of(self, row: int) -> BoxRule:
        """The rule of a row of the store."""
        return self.rules[self.which[row]]

    def record(self) -> dict[str, Any]:
        """Return it for localization.json."""
        fits = self.fitted_on or [{} for _ in self.rules]
        rules = [asdict(rule) | fit for rule, fit in zip(self.rules, fits, strict=True)]
        new = rules[0] if self.whole is None else asdict(self.whole[0]) | self.whole[1]
        return {"fit": self.how, "rules": rules, "new_images": new} | ({"note": self.note} if self.note else {})


def given_rule(boxes: MapBoxes) -> BoxRule:
    """Return the rule of the parameters."""
    return BoxRule(boxes.threshold, boxes.min_area, boxes.merge)


def measure_rules(chunks: Iterable[Chunk], truth: Truth, sizes: np.ndarray) -> Fits:
    """Try every rule on every map that has true boxes. sizes: (N, 2) height and width of the store's originals."""
    rows, findings, overlaps = [], [], []
    for chunk in chunks:
        for place, row in enumerate(map(int, chunk.rows)):
            for finding in range(chunk.heat.shape[1]):
                true = truth.boxes.get((row, finding))
                if true is not None:
                    rows.append(row)
                    findings.append(finding)
                    overlaps.append(_try_rules(chunk.heat[place, finding], frame_of(chunk.store, sizes, row), true))
    shape = (len(rows), len(RULES))
    return Fits(np.array(rows, int), np.array(findings, int), np.array(overlaps, np.float64).reshape(shape))


def overlap_of_all(corners: np.ndarray, inside: np.ndarray) -> float:
    """IoU of the union of (n, 4) boxes, in whole pixels of a map, with `inside` (S, S) bool."""
    found = np.zeros_like(inside)
    for x0, y0, x1, y1 in corners.astype(int):
        found[y0:y1, x0:x1] = True
    union = np.count_nonzero(found | inside)
    return np.count_nonzero(found & inside) / union if union else 0.0


def choose_rule(fits: Fits, chosen: np.ndarray) -> BoxRule | None:
    """Return the best rule on the chosen (M,) bool of the pairs, every finding counting alike; None without any."""
    if not chosen.any():
        return None
    present = np.unique(fits.findings[chosen])
    means = [fits.overlaps[chosen & (fits.findings == finding)].mean(axis=0) for finding in present]
    return RULES[int(np.argmax(np.mean(means, axis=0)))]


def same_for_all(how: Literal["given", "validation"], rule: BoxRule, rows: int, pairs: int | None = None) -> Rules:
    """Return the one rule that all rows have. pairs: that it was fitted to."""
    return Rules(how, [rule], np.zeros(rows, int), [] if pairs is None else [{"pairs": pairs}])


def cross_fit(fits: Fits, patients: np.ndarray, given: BoxRule, seed: int) -> Rules:
    """Return two rules, each fitted to one half of the patients and used for the other half; and that of both halves.

    patients: (N,) of the store. A half without boxes to fit to leaves the other half the given rule.
    """
    half_of = halve_patients(patients, np.unique(patients[fits.rows]), seed)
    which = np.array([half_of[patient] for patient in patients])
    rules, counts, empty = [], [], 0
    for half in (0, 1):
        others = which[fits.rows] != half
        found = choose_rule(fits, others)
        empty += found is None
        rules.append(found or given)
        counts.append({"pairs": int(others.sum())})
    note = "boxes of one patient only: those of PARAMS.json are used where nothing could be fitted" if empty else ""
    whole = choose_rule(fits, np.ones(len(fits.rows), bool)) or given
    return Rules("cross", rules, which, counts, note, (whole, {"pairs": len(fits.rows)}))


def halve_patients(patients: np.ndarray, with_boxes: np.ndarray, seed: int) -> dict[str, int]:
    """Return patient -> 0 or 1, at random; those with boxes are parted evenly, and so are the others."""
    random = np.random.default_rng([seed, 8])  # a stream of its own
    halves = {}
    for some in (with_boxes, np.setdiff1d(patients, with_boxes)):
        halves |= {str(patient): place % 2 for place, patient in enumerate(random.permutation(some))}
    return halves


def _try_rules(heat: np.ndarray, frame: Frame, true: np.ndarray) -> list[float]:
    size = heat.shape[0]
    inside = pixels_of(frame.boxes_to_crop(true), size)
    found = {}
    for threshold in THRESHOLDS:
        pieces = hot_pieces(heat, threshold)
        for least in MIN_AREAS:
            large = keep_large(pieces, least * size**2)
            for reach in MERGES:
                merged = merge_pieces(large, reach * size)
                found[BoxRule(threshold, least, reach)] = overlap_of_all(merged.corners, inside)
    return [found[rule] for rule in RULES]
