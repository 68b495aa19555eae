"""Probabilities made elsewhere and a table of labels in; predictions with patients, parts and a named split out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.errors import UserError
from cxr.config.findings import NO_FINDING
from cxr.config.record import hash_of_ids
from cxr.datasets.label_table import LabelTable
from cxr.datasets.listed import OFFICIAL
from cxr.evaluation.image_names import check_each_once, find_images
from cxr.evaluation.predictions import Predictions, check_predictions
from cxr.evaluation.probability_table import ProbabilityTable
from cxr.evaluation.split_record import split_of


@dataclass(frozen=True, eq=False)
class Foreign:
    """What is measured, and what it is called."""

    predictions: Predictions
    split: dict[str, Any]
    """As in a group's run.json: name, hash, and per part images, patients, hash and positives."""
    notes: list[str] = field(default_factory=list)
    """Sentences about what was left out."""


def findings_to_score(table: LabelTable, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the findings asked for, else all of the table but "No Finding"; UserError for one that has no labels."""
    if asked is None:
        return tuple(finding for finding in table.findings if finding != NO_FINDING)
    if missing := [finding for finding in asked if finding not in table.findings]:
        raise UserError(f"{table.path}: does not label {', '.join(missing)}; it labels {', '.join(table.findings)}")
    return asked


def label_probabilities(
    given: ProbabilityTable, table: LabelTable, test_list: Path | None, val_list: Path | None
) -> Foreign:
    """Join probabilities with labels and patients, and deal the images to test and val by the lists.

    Without a test list every image that is not in the val list is test; with one, images in neither list are left out.
    Raises UserError for an image that the table lacks or that is there twice, for a list that names none of the images
    or shares one with the other, for a patient in both parts, and for a table without patients.
    """
    if table.patient_ids is None:
        raise UserError(f"{table.path}: has no column patient_id; intervals are by patient")
    rows = find_images(given.image_ids, table.image_ids)
    if (rows < 0).any():
        first = int(np.argmax(rows < 0))
        raise UserError(
            f"{given.path}, line {first + 2}: image '{given.image_ids[first]}' is not in {table.path} (such images: "
            f"{int((rows < 0).sum())})."
        )
    check_each_once(rows, given.image_ids, str(given.path))
    ids = table.image_ids[rows]
    parts = np.full(len(ids), "" if test_list else "test", dtype="<U5")
    notes, named = [], "all images given"
    for part, path in (("test", test_list), ("val", val_list)):
        if path is None:
            continue
        listed, told = _listed(path, ids, table.image_ids)
        if (listed & (parts == "test")).any() and part == "val" and test_list:
            image = ids[listed & (parts == "test")][0]
            raise UserError(f"{path}: lists image '{image}', which {test_list} lists too; one part only is allowed")
        parts[listed] = part
        notes += [told] if told else []
        named = f"list {path.name}" if part == "test" else named
    if left_out := int((parts == "").sum()):
        notes.append(f"{left_out} of {len(ids)} images are in no list and were left out")
    kept = parts != ""
    columns = [table.findings.index(finding) for finding in given.findings]
    predictions = Predictions(
        image_ids=ids[kept],
        patient_ids=table.patient_ids[rows][kept],
        splits=parts[kept],
        findings=given.findings,
        probabilities=given.probabilities[kept],
        label_codes=table.codes[rows][:, columns][kept],
    )
    if not (predictions.splits == "test").any():
        raise UserError(f"{given.path}: no image is left for the test part; give --list, or fewer images in --val-list")
    check_predictions(predictions, given.path)
    return Foreign(predictions, split_of(predictions, _official_name(predictions, test_list) or named), notes)


def _listed(path: Path, ids: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, str]:
    """(N,) bool, which images a list names; and a sentence about those of the list that have no prediction."""
    names = _read_list(path)
    places = find_images(names, known)
    wanted = {known[place] if place >= 0 else name for name, place in zip(names, places, strict=True)}
    listed = np.isin(ids, list(wanted))
    if not listed.any():
        raise UserError(f"{path}: names none of the {len(ids)} images that have predictions; its first is '{names[0]}'")
    lacking = len(wanted) - int(listed.sum())
    return listed, f"{lacking} of the {len(wanted)} images of {path.name} have no prediction" if lacking else ""


def _read_list(path: Path) -> list[str]:
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a list of images ({error})") from error
    if not names:
        raise UserError(f"{path}: is empty; expected an image name per line")
    return names


def _official_name(predictions: Predictions, test_list: Path | None) -> str | None:
    """Return "official" for exactly NIH's test images, "official (subset)" for some of its list; None for others."""
    count, digest = OFFICIAL["test"]
    ids = predictions.part("test").image_ids
    if len(ids) == count and hash_of_ids(ids) == digest:
        return "official"
    names = _read_list(test_list) if test_list else []
    return "official (subset)" if len(names) == count and hash_of_ids(names) == digest else None
