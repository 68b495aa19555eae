"""Maps of the test images and their true boxes in, what each map and each control scores out.

Maps of other patients need no second pass: energy is linear, so their mean is that of the mean map, from which the
patient's own are taken out; their points and boxes are kept, a few dozen bytes per map.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from cxr.preparation.store import Store
from cxr.visualization.localization.controls import average_boxes, even_heat, middles_of_boxes, random_maps
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.measures import (
    NUMBERS,
    boxes_hit,
    energy_in,
    hits_by_owner,
    hottest,
    point_hits,
)
from cxr.visualization.localization.overlap import pixels_of
from cxr.visualization.localization.rules import Rules
from cxr.visualization.localization.seen import Seen
from cxr.visualization.localization.truth import Truth
from cxr.visualization.localization.walk import MAP_PX, Chunk, frame_of
from cxr.visualization.map_boxes import BoxRule, find_boxes

KINDS = ("own", "swapped", "alike", "random", "average_box", "other_boxes")
"""Own maps; those of all other patients; those of the others who have a true box of the finding; noise; and without a
map the mean of other patients' true boxes, and the middle of each of these."""
POINTING_ALONE = ("alike", "other_boxes")
"""Kinds that have no number but pointing."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Of M pairs of image and finding with true boxes.

    rows, findings: (M,) int; boxes: (M,) how many true ones; values: kind -> (M, 8) of NUMBERS, NaN where there is no
    such control; the last six are counts of boxes, to be divided by `boxes`.
    """

    rows: np.ndarray
    findings: np.ndarray
    boxes: np.ndarray
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Scorer:
    """How maps are scored. sizes: (N, 2) height and width of the store's originals; score: of a box."""

    store: Store
    sizes: np.ndarray
    truth: Truth
    rules: Rules
    score: str
    tolerance: float
    seed: int

    def frame(self, row: int) -> Frame:
        """Where the crop of a row lies."""
        return frame_of(self.store, self.sizes, row)

    def run(
        self,
        chunks: Iterable[Chunk],
        on_chunk: Callable[[Chunk, list[list[np.ndarray]]], None] | None = None,
        seen: Seen | None = None,
    ) -> Scores:
        """Go through all maps once.

        on_chunk: is given each chunk and its boxes, per image and finding (b, 5): shares of the crop, and the score.
        seen: what was seen before the first chunk; each is added to it before `on_chunk` is called.
        """
        seen = Seen() if seen is None else seen
        for chunk in chunks:
            boxes = [
                [find_boxes(heat, self.rules.of(int(row)), self.score) for heat in maps]
                for row, maps in zip(chunk.rows, chunk.heat, strict=True)
            ]
            sums = chunk.heat.sum(axis=(2, 3), dtype=np.float64)
            shares = chunk.heat / np.where(sums > 0, sums, 1)[..., None, None]
            seen.rows.append(chunk.rows)
            seen.points.append(np.array([[hottest(heat) for heat in maps] for maps in chunk.heat]))
            seen.boxes += boxes
            seen.total = seen.total + shares.sum(axis=0, dtype=np.float64)
            seen.lit = seen.lit + (sums > 0).sum(axis=0)
            for place, finding, true in self._pairs(chunk):
                row = int(chunk.rows[place])
                key, frame = (row, finding), self.frame(row)
                inside = pixels_of(frame.boxes_to_crop(true), MAP_PX)
                seen.own[key] = self._score(chunk.heat[place, finding], boxes[place][finding], frame, true, inside)
                noise = random_maps(
                    self.seed, str(self.store.image_ids[row]), self.store.findings[finding], chunk.grid, MAP_PX
                )
                rule = self.rules.of(row)
                seen.randoms[key] = np.mean([self._found(heat, rule, frame, true, inside) for heat in noise], axis=0)
                same = self.store.patient_ids[chunk.rows] == self.store.patient_ids[row]
                heat = shares[same, finding][:, inside].sum(dtype=np.float64)
                seen.patients_own[key] = np.array([heat, (sums[same, finding] > 0).sum()])
            if on_chunk:
                on_chunk(chunk, boxes)
        return self._with_controls(seen)

    def _pairs(self, chunk: Chunk) -> list[tuple[int, int, np.ndarray]]:
        return [
            (place, finding, self.truth.boxes[int(row), finding])
            for place, row in enumerate(chunk.rows)
            for finding in range(chunk.heat.shape[1])
            if (int(row), finding) in self.truth.boxes
        ]

    def _found(self, heat: np.ndarray, rule: BoxRule, frame: Frame, true: np.ndarray, inside: np.ndarray) -> np.ndarray:
        return self._score(heat, find_boxes(heat, rule, self.score), frame, true, inside)

    def _score(
        self, heat: np.ndarray, boxes: np.ndarray, frame: Frame, true: np.ndarray, inside: np.ndarray
    ) -> np.ndarray:
        """(8,) of NUMBERS."""
        point = point_hits(hottest(heat)[None], frame, true, self.tolerance)
        hits = boxes_hit(frame.boxes_to_image(boxes[:, :4]), true)
        return np.concatenate([point, [energy_in(heat, inside)], hits])

    def _with_controls(self, seen: Seen) -> Scores:
        keys = sorted(seen.own)
        values = {kind: np.full((len(keys), len(NUMBERS)), np.nan) for kind in KINDS}
        if not keys:
            return Scores(*np.zeros((3, 0), int), values)
        rows, points = np.concatenate(seen.rows), np.concatenate(seen.points)
        frames = {row: self.frame(row) for row in {row for row, _ in keys}}
        means = average_boxes(self.truth, frames, self.store.patient_ids)
        middles = middles_of_boxes(self.truth, frames, self.store.patient_ids)
        patients = self.store.patient_ids[rows]
        flat = {finding: _flat_boxes(seen.boxes, finding) for finding in {finding for _, finding in keys}}
        having = {finding: [row for row, other in self.truth.boxes if other == finding] for finding in flat}
        for place, key in enumerate(keys):
            row, finding = key
            frame, true = frames[row], self.truth.boxes[key]
            inside = pixels_of(frame.boxes_to_crop(true), MAP_PX)
            values["own"][place], values["random"][place] = seen.own[key], seen.randoms[key]
            others = (patients != self.store.patient_ids[row]) & ~np.isnan(points[:, finding, 0])
            if others.any():
                heat, lit = seen.patients_own[key]
                rest = seen.total[finding][inside].sum() - heat
                hits = point_hits(points[others, finding], frame, true, self.tolerance)
                found, (numbers, images) = flat[finding]
                by_owner = hits_by_owner(frame.boxes_to_image(found), numbers, true)[others[images]]
                values["swapped"][place] = [
                    hits.mean(), max(rest, 0) / (seen.lit[finding] - lit), *by_owner.mean(axis=0)
                ]  # fmt: skip
                alike = np.isin(rows[others], having[finding])
                if alike.any():
                    values["alike"][place, 0] = hits[alike].mean()
            places, owners = middles[finding]
            elsewhere = places[owners != self.store.patient_ids[row]]
            if len(elsewhere):
                values["other_boxes"][place, 0] = point_hits(elsewhere, frame, true, self.tolerance).mean()
            if key in means:
                heat, box = even_heat(means[key], MAP_PX), np.column_stack([means[key], [1.0]])
                values["average_box"][place] = self._score(heat, box, frame, true, inside)
        counts = np.array([len(self.truth.boxes[key]) for key in keys])
        return Scores(*np.array(keys, int).T, counts, values)


def _flat_boxes(boxes: list[list[np.ndarray]], finding: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """(n, 4) boxes of all images; (n,) the number of the owner among those with boxes, and (w,) the owners' places."""
    counts = np.array([len(one[finding]) for one in boxes])
    owners = np.flatnonzero(counts)
    found = np.concatenate([one[finding][:, :4] for one in boxes])
    return found, (np.repeat(np.arange(len(owners)), counts[owners]), owners)
