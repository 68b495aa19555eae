"""Image files and an opened bundle in, an answer per image out: lungs, crop, probabilities, calls, maps."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from cxr.config.errors import first_line
from cxr.evaluation.calibration_maps import calibrated_probabilities
from cxr.evaluation.predictions import Predictions
from cxr.images.geometry import draw_map, resize
from cxr.prediction.bundle import Bundle
from cxr.prediction.opened import Opened
from cxr.preparation.crop import CropRow, crop_images
from cxr.visualization.heat import normalize_maps

Status = Literal["ok", "unusable", "rejected"]
UNUSABLE = "no usable lungs were found: it may be no frontal chest X-ray, or too poor"
SLICE_IMAGES = 8
"""Read and cropped by one thread at a time."""


@dataclass(frozen=True)
class Item:
    """An image that was asked about. name: as results call it. reason: why it cannot even be tried, or "".

    image: (H, W) uint8, where it was read already; the path is not looked at then.
    """

    name: str
    path: Path
    reason: str = ""
    image: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a bundle says about one image.

    status: `ok`; `unusable`, when its lungs fail the check of quality; `rejected`, when the file cannot be used.
    reason: why it is not ok. Without probabilities where nothing was predicted.
    """

    item: Item
    status: Status
    reason: str = ""
    crop: CropRow | None = None
    raw: np.ndarray | None = None
    """(M, K) float64, of each member."""
    probabilities: np.ndarray | None = None
    """(K,) float64: the members' mean, calibrated where the bundle is."""
    calls: list[bool | None] = field(default_factory=list)
    """K: whether the probability reaches its threshold; None where there is none."""
    maps: list[np.ndarray] = field(default_factory=list)
    """Of each member (h, w, K) float32 in [0, 1]."""

    @property
    def spread(self) -> np.ndarray | None:
        """(K,) standard deviation of the members' probabilities; None for one member alone."""
        return None if self.raw is None or len(self.raw) < 2 else self.raw.std(axis=0)


def answer_items(bundle: Bundle, opened: Opened, items: Sequence[Item], force: bool = False) -> list[Answer]:
    """Answer a few dozen images at once. force: also those without usable lungs, by the whole image."""
    crops = _crop(bundle, opened, items)
    todo = [k for k, crop in enumerate(crops) if isinstance(crop, CropRow) and (force or not crop.fallback)]
    chosen = [crops[k] for k in todo]
    raw, maps = _run_members(bundle, opened, chosen) if chosen else (np.zeros((0, 0, 0)), [])
    mean = raw.mean(axis=0) if chosen else raw
    probabilities = calibrate(bundle, mean) if chosen else mean
    answers = []
    for k, (item, crop) in enumerate(zip(items, crops, strict=True)):
        if isinstance(crop, str):
            answers.append(Answer(item, "rejected", crop))
            continue
        status, reason = ("unusable", UNUSABLE) if crop.fallback else ("ok", "")
        if k not in todo:
            answers.append(Answer(item, status, reason, crop))
            continue
        place = todo.index(k)
        found = probabilities[place]
        own = [one[place] for one in maps]
        answers.append(Answer(item, status, reason, crop, raw[:, place], found, decide(bundle, found), own))
    return answers


def calibrate(bundle: Bundle, mean: np.ndarray) -> np.ndarray:
    """(N, K) calibrated probabilities of the members' mean; the mean itself where the bundle has no calibration."""
    if bundle.calibration is None:
        return mean
    names = np.array([""] * len(mean))
    return calibrated_probabilities(
        bundle.calibration, Predictions(names, names, names, bundle.findings, mean, np.full(mean.shape, np.nan))
    )


def thresholds_of(bundle: Bundle) -> np.ndarray:
    """(K,) float64 thresholds on the calibrated probability, NaN where there is none."""
    if bundle.thresholds is None:
        return np.full(len(bundle.findings), np.nan)
    return bundle.thresholds.array(bundle.findings)


def decide(bundle: Bundle, probabilities: np.ndarray) -> list[bool | None]:
    """Return per finding whether its probability reaches its threshold, None where there is none."""
    cuts = thresholds_of(bundle)
    return [None if np.isnan(cut) else bool(p >= cut) for p, cut in zip(probabilities, cuts, strict=True)]


def heat_of(bundle: Bundle, answer: Answer, finding: int, image_px: int) -> np.ndarray:
    """Return the (image_px, image_px) float32 heat in [0, 1] over the crop of an answer: the mean over the members."""
    pairs = zip(bundle.record.members, answer.maps, strict=True)
    return np.mean([draw_map(maps[..., finding], one.first, one.step, image_px) for one, maps in pairs], axis=0)


def _crop(bundle: Bundle, opened: Opened, items: Sequence[Item]) -> list[CropRow | str]:
    """Crop each image, or say why it cannot be used."""
    record = bundle.record
    tried = [item for item in items if not item.reason]
    slices = [tried[start : start + SLICE_IMAGES] for start in range(0, len(tried), SLICE_IMAGES)]

    def work(some: list[Item]) -> list[CropRow | str]:
        sources = [item.path if item.image is None else item.image for item in some]
        try:
            return crop_images(sources, record.crop, opened.lungs, record.lungs.image_px, record.cleaning)
        except Exception as error:  # whatever it is, it must not stop thousands of others
            if len(some) == 1:
                return [f"cannot be processed: {type(error).__name__}: {first_line(error)}"]
            return [crop for item in some for crop in work([item])]

    with ThreadPoolExecutor(opened.threads) as pool:
        found = iter([crop for crops in pool.map(work, slices) for crop in crops])
    return [item.reason or next(found) for item in items]


def _run_members(bundle: Bundle, opened: Opened, crops: list[CropRow]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(M, N, K) float64 probabilities, and per member (N, h, w, K) float32 maps in [0, 1]."""
    raw, maps = [], []
    for member, engine in zip(bundle.record.members, opened.members, strict=True):
        pixels = [resize(crop.pixels, member.image_px, member.image_px) for crop in crops]
        answers, found = engine.run(np.stack(pixels)[..., None].astype(np.float32))
        raw.append(np.clip(answers.astype(np.float64), 0, 1))
        maps.append(normalize_maps(found))
    return np.stack(raw), maps
