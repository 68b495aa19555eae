"""Two folders in, image and lung-mask pairs out: paired by file stem, mismatches counted, split by patient."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr.config.errors import UserError
from cxr.config.settings import LungPairs
from cxr.images.files import ImageError, read_image
from cxr.images.geometry import resize

SUFFIXES = (".png", ".jpg", ".jpeg")
MASK_ENDING = "_mask"
ASPECT_TOLERANCE = 0.02
"""Masks drawn on a reduced copy differ by a rounded pixel; more means that the two are not of one image."""

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class PairFiles:
    """Paths of the pairs, the patient of each, and sentences about what was left out."""

    images: list[Path]
    masks: list[Path]
    patients: list[str]
    notes: list[str]


@dataclass(frozen=True)
class PairArrays:
    """images: (N, S, S) uint8; masks: (N, S, S) uint8 0/1; parts: (N,) train, val or test; notes as in PairFiles."""

    names: list[str]
    images: np.ndarray
    masks: np.ndarray
    parts: np.ndarray
    notes: list[str]


def find_pairs(settings: LungPairs) -> PairFiles:
    """Pair images and masks by stem (`x.jpg` with `x.png` or `x_mask.png`); UserError when there are none."""
    for key, folder in (("images", settings.images), ("masks", settings.masks)):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; it is named by lung_masks.{key}")
    images = {path.stem: path for path in _files(settings.images)}
    masks = {path.stem.removesuffix(MASK_ENDING): path for path in _files(settings.masks)}
    shared = sorted(images.keys() & masks.keys())
    if not shared:
        raise UserError(
            f"{settings.images} and {settings.masks}: no image and mask share a file stem; nothing to learn"
        )
    notes = []
    if unpaired := len(images) + len(masks) - 2 * len(shared):
        notes.append(f"lungs: {unpaired} files have no partner in the other folder and were left out")
    if settings.limit and settings.limit < len(shared):
        shared = [shared[i] for i in np.linspace(0, len(shared) - 1, settings.limit).astype(int)]
    return PairFiles([images[s] for s in shared], [masks[s] for s in shared], _patients(shared, settings), notes)


def load_pairs(files: PairFiles, image_px: int, val: float, test: float, seed: int) -> PairArrays:
    """Read all pairs, plainly resized to the square, and deal them to train, val and test by whole patients.

    Pairs that cannot be read, of different proportions or with an empty mask are left out and noted;
    a mask may be of another size than its image.
    """
    images, masks, patients, names, notes = [], [], [], [], list(files.notes)
    for image_path, mask_path, patient in zip(files.images, files.masks, files.patients, strict=True):
        try:
            image, mask = read_image(image_path), read_image(mask_path)
            if abs(_aspect(image) / _aspect(mask) - 1) > ASPECT_TOLERANCE:
                raise ImageError(f"the image is {_size(image)}, its mask {_size(mask)}")
        except ImageError as error:
            notes.append(f"lungs: pair {image_path.stem} left out: {error}")
            continue
        images.append(resize(image, image_px, image_px))
        masks.append((resize(np.float32(mask > 0), image_px, image_px) >= 0.5).astype(np.uint8))
        patients.append(patient)
        names.append(image_path.stem)
    parts = _deal(patients, (1 - val - test, val, test), seed)
    for part in PARTS:
        if part not in parts:
            raise UserError(
                f"lungs: {len(images)} usable pairs of {len(set(patients))} patients leave none for {part}; "
                "more pairs are needed, or other segmentation.val and segmentation.test"
                + (f"; {len(notes)} notes, the first: {notes[0]}" if notes else "")
            )
    return PairArrays(names, np.stack(images), np.stack(masks), parts, notes)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]


def _aspect(image: np.ndarray) -> float:
    return image.shape[1] / image.shape[0]


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]} pixels"


def _patients(stems: Sequence[str], settings: LungPairs) -> list[str]:
    if not settings.patient_pattern:
        return list(stems)
    try:
        pattern = re.compile(settings.patient_pattern)
    except re.error as error:
        raise UserError(f"lung_masks.patient_pattern {settings.patient_pattern!r}: {error}") from error
    patients = []
    for stem in stems:
        match = pattern.search(stem)
        patient = match.group(1) if match and pattern.groups else None
        if patient is None:
            raise UserError(
                f"lung_masks.patient_pattern {settings.patient_pattern!r}: finds no first group in {stem!r}"
            )
        patients.append(patient)
    return patients


def _deal(patients: list[str], shares: tuple[float, ...], seed: int) -> np.ndarray:
    """Deal whole patients to the parts in random order: a patient goes where the share is furthest from filled."""
    unique, counts = np.unique(np.asarray(patients, dtype=str), return_counts=True)
    wanted = np.asarray(shares) * len(patients)
    part_of = {}
    for i in np.random.default_rng([seed, 0x1A6]).permutation(len(unique)):
        part = int(np.argmax(wanted))
        part_of[unique[i]] = PARTS[part]
        wanted[part] -= counts[i]
    return np.asarray([part_of[patient] for patient in patients], dtype=str)
