"""Predictions of several runs in, the same in one order of images and findings out; refused where they do not fit."""

from collections.abc import Mapping

import numpy as np

from cxr.config.errors import UserError
from cxr.config.record import hash_of_ids
from cxr.evaluation.predictions import Predictions


def same_images(runs: Mapping[str, Predictions], part: str) -> tuple[dict[str, Predictions], list[str]]:
    """Rows of one part of each run, in the first one's order, and the findings left out because not all runs have them.

    Raises UserError where a run holds no image of the part, and where it differs from the first in an image, the
    patient of an image, or a label: a difference would be of two samples, not of two models.
    """
    parts = {name: run.part(part) for name, run in runs.items()}
    for name, rows in parts.items():
        if len(rows.image_ids) == 0:
            raise UserError(f"{name}: holds no image of the {part} part, on which runs are compared.")
    reference, first = next(iter(parts.items()))
    findings = [finding for finding in first.findings if all(finding in rows.findings for rows in parts.values())]
    if not findings:
        raise UserError(f"{', '.join(parts)}: have no finding in common; runs are compared on the same findings.")
    every = dict.fromkeys(finding for rows in parts.values() for finding in rows.findings)
    found = {}
    for name, rows in parts.items():
        _check_images((reference, first), (name, rows), part)
        found[name] = _ordered(rows, first.image_ids, findings)
        _check_rows((reference, found[reference]), (name, found[name]))
    return found, [finding for finding in every if finding not in findings]


def _check_images(one: tuple[str, Predictions], two: tuple[str, Predictions], part: str) -> None:
    hashes = [hash_of_ids(rows.image_ids)[:12] for _, rows in (one, two)]
    if hashes[0] == hashes[1]:
        return
    only = np.setdiff1d(two[1].image_ids, one[1].image_ids)
    where = two[0] if len(only) else one[0]
    image = (only if len(only) else np.setdiff1d(one[1].image_ids, two[1].image_ids))[0]
    counts = [len(rows.image_ids) for _, rows in (one, two)]
    raise UserError(
        f"{two[0]}: its {part} part (hash {hashes[1]}, {counts[1]} images) is not that of {one[0]} (hash {hashes[0]}, "
        f"{counts[0]} images): image '{image}' is in {where} only; runs are compared on the same images."
    )


def _ordered(rows: Predictions, image_ids: np.ndarray, findings: list[str]) -> Predictions:
    place = {image: row for row, image in enumerate(rows.image_ids)}
    return rows.rows(np.array([place[image] for image in image_ids])).of_findings(findings)


def _check_rows(one: tuple[str, Predictions], two: tuple[str, Predictions]) -> None:
    first, other = one[1], two[1]
    differs = first.patient_ids != other.patient_ids
    if differs.any():
        row = int(np.argmax(differs))
        raise UserError(
            f"{two[0]}: image '{first.image_ids[row]}' is of patient '{other.patient_ids[row]}', in {one[0]} of "
            f"'{first.patient_ids[row]}' (such images: {int(differs.sum())}); runs are compared on the same patients."
        )
    same = (first.label_codes == other.label_codes) | (np.isnan(first.label_codes) & np.isnan(other.label_codes))
    if not same.all():
        row, k = np.argwhere(~same)[0]
        there, here = (_label_text(rows.label_codes[row, k]) for rows in (other, first))
        raise UserError(
            f"{two[0]}: image '{first.image_ids[row]}', {first.findings[k]}: its label is {there}, in {one[0]} {here} "
            f"(such labels: {int((~same).sum())}); runs are compared on the same labels."
        )


def _label_text(code: float) -> str:
    return "empty" if np.isnan(code) else f"{code:g}"
