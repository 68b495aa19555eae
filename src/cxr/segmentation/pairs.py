"""Folders of X-rays and masks in, pairs by file stem out, mismatches counted; pairs in, arrays out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from scipy import ndimage

from cxr.config.errors import UserError
from cxr.config.lungs import LungPairs
from cxr.datasets.sources.files import SUFFIXES
from cxr.images.files import ImageError, read_image
from cxr.images.geometry import resize

JPEG_SUFFIXES = (".jpg", ".jpeg")
MASK_ENDING = "_mask"
ASPECT_TOLERANCE = 0.02
"""Masks drawn on a reduced copy differ by a rounded pixel; more means that the two are not of one image."""
DILATION = np.ones((15, 15), bool)
TRUTH_PX = 512
"""Masks are measured against at their own size, the longer side at most this."""


@dataclass(frozen=True)
class Pair:
    """An X-ray and its lung mask; source: the name of its set; patient: never of two sources."""

    name: str
    image: Path
    mask: Path
    source: str
    patient: str
    train_only: bool


@dataclass(frozen=True)
class PairArrays:
    """The pairs that could be read.

    pairs: (N,); images: (N, S, S) uint8; masks: (N, S, S) uint8 0..255, what is learnt: how much of a pixel is lung;
    truths: N masks (H, W) bool, what is measured against, of each its own size; notes: what was left out.
    """

    pairs: list[Pair]
    images: np.ndarray
    masks: np.ndarray
    truths: list[np.ndarray]
    notes: list[str]


def find_pairs(sets: Sequence[LungPairs]) -> tuple[list[Pair], list[str]]:
    """Pair images and masks of every set by stem (`x.jpg` with `x.png` or `x_mask.png`); also what was left out.

    Raises UserError when a folder is missing, a set has no pairs, or an image is in two sets.
    """
    found, notes = [], []
    for one in sets:
        pairs, unpaired = _pairs_of(one)
        found += pairs
        if unpaired:
            notes.append(
                f"lungs: {one.name}: {unpaired} files have no one partner in the other folder and were left out"
            )
    _check_disjoint(found)
    return found, notes


def load_pairs(pairs: Sequence[Pair], image_px: int, dilate_target: int = 0) -> PairArrays:
    """Read pairs, plainly resized to the square; a mask may be of another size than its image.

    dilate_target: how many times the masks that are learnt are dilated by a square of 15 of their own pixels. Pairs
    that cannot be read, of different proportions or with an empty mask are left out and noted; UserError when all
    are.
    """
    kept, images, masks, truths, notes = [], [], [], [], []
    for pair in pairs:
        try:
            image, mask = read_image(pair.image), _read_mask(pair.mask)
            if abs(_aspect(image) / _aspect(mask) - 1) > ASPECT_TOLERANCE:
                raise ImageError(f"the image is {_size(image)}, its mask {_size(mask)}")
        except ImageError as error:
            notes.append(f"lungs: pair {pair.name} left out: {error}")
            continue
        truth = _inside(mask, pair.mask)
        learnt = ndimage.binary_dilation(truth, DILATION, dilate_target) if dilate_target else truth
        kept.append(pair)
        images.append(resize(image, image_px, image_px))
        masks.append(np.round(255 * resize(np.float32(learnt), image_px, image_px)).astype(np.uint8))
        truths.append(_reduced(truth))
    if not kept:
        first = f"; the first: {notes[0]}" if notes else ""
        raise UserError(f"lungs: none of {len(pairs)} pairs can be used{first}")
    return PairArrays(kept, np.stack(images), np.stack(masks), truths, notes)


def _check_disjoint(pairs: Sequence[Pair]) -> None:
    """Raise UserError when an image is in two sets: it could be learnt from in one and measured on in the other."""
    first: dict[Path, str] = {}
    for pair in pairs:
        other = first.setdefault(pair.image.resolve(), pair.source)
        if other != pair.source:
            raise UserError(
                f"lung_masks: {pair.image} is in two sets, {other!r} and {pair.source!r}; tell them apart by their "
                "stems"
            )


def _pairs_of(one: LungPairs) -> tuple[list[Pair], int]:
    """The pairs of one set, and how many of its files have no partner or could have several."""
    for key, folder in (("images", one.images), ("masks", one.masks)):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; it is named by lung_masks.{key}")
    images, masks = _files(one.images), _files(one.masks)
    if one.images == one.masks:
        images = [path for path in images if not path.stem.endswith(MASK_ENDING)]
        masks = [path for path in masks if path.stem.endswith(MASK_ENDING)]
    images, masks = _by_stem(images, one.stems), _by_stem(masks, one.stems)
    shared = sorted(stem for stem in images.keys() & masks.keys() if len(images[stem]) == len(masks[stem]) == 1)
    if not shared:
        fitting = "" if one.stems == "*" else f" that fits lung_masks.stems {one.stems!r}"
        raise UserError(f"{one.images} and {one.masks}: no image and mask share a file stem{fitting}; nothing to learn")
    unpaired = sum(map(len, [*images.values(), *masks.values()])) - 2 * len(shared)
    if one.limit and one.limit < len(shared):
        shared = [shared[i] for i in np.linspace(0, len(shared) - 1, one.limit).astype(int)]
    pairs = [
        Pair(stem, images[stem][0], masks[stem][0], one.name, f"{one.name}:{patient}", one.train_only)
        for stem, patient in zip(shared, _patients(shared, one.patient_pattern), strict=True)
    ]
    return pairs, unpaired


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]


def _read_mask(path: Path) -> np.ndarray:
    try:
        return read_image(path)
    except ImageError as error:
        raise ImageError(f"its mask {error}") from error


def _by_stem(paths: Sequence[Path], pattern: str) -> dict[str, list[Path]]:
    """The files of every stem that fits, a mask's without its ending."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        if fnmatchcase(stem := path.stem.removesuffix(MASK_ENDING), pattern):
            found.setdefault(stem, []).append(path)
    return found


def _inside(mask: np.ndarray, path: Path) -> np.ndarray:
    """(H, W) bool: anything but 0; of a JPEG, which leaves traces beside edges, at least half of its brightest."""
    return mask > (mask.max() // 2 if path.suffix.lower() in JPEG_SUFFIXES else 0)


def _aspect(image: np.ndarray) -> float:
    return image.shape[1] / image.shape[0]


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]} pixels"


def _reduced(mask: np.ndarray) -> np.ndarray:
    """The mask with its longer side at most TRUTH_PX."""
    scale = TRUTH_PX / max(mask.shape)
    if scale >= 1:
        return mask
    return resize(np.float32(mask), round(mask.shape[0] * scale), round(mask.shape[1] * scale)) >= 0.5


def _patients(stems: Sequence[str], pattern_text: str | None) -> list[str]:
    if not pattern_text:
        return list(stems)
    try:
        pattern = re.compile(pattern_text)
    except re.error as error:
        raise UserError(f"lung_masks.patient_pattern {pattern_text!r}: {error}") from error
    patients = []
    for stem in stems:
        match = pattern.search(stem)
        patient = match.group(1) if match and pattern.groups else None
        if patient is None:
            raise UserError(f"lung_masks.patient_pattern {pattern_text!r}: finds no first group in {stem!r}")
        patients.append(patient)
    return patients
