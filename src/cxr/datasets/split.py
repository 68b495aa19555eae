"""Manifest in, a patient-disjoint split out: which image is in train, val or test of each fold; and the check of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.record import hash_of_ids
from cxr.config.split import Split
from cxr.datasets.listed import listed_parts, official_name
from cxr.datasets.stratify import deal_images

PARTS = ("train", "val", "test")
SPLIT_COLUMNS = ["image_id", "split", "fold"]


@dataclass(frozen=True)
class NamedSplit:
    """A split with the name it must be reported under.

    table: SPLIT_COLUMNS; `fold` is empty, or, for cross-validation, "0", "1", ...: every image stands in it once per
    fold, and in the test part of one fold.
    """

    name: str
    table: pd.DataFrame

    @property
    def folds(self) -> tuple[str, ...]:
        """The folds in order; ("",) where there is only one split."""
        return tuple(sorted(self.table["fold"].unique(), key=lambda fold: (len(fold), fold)))


def assign_split(manifest: pd.DataFrame, split: Split, findings: list[str], seed: int) -> NamedSplit:
    """Deal the images of the manifest to train, val and test by whole patients, by the scheme of `split`.

    Raises UserError where a part would be empty, lists are missing or not the official ones, or a patient would be in
    two parts.
    """
    if split.scheme == "kfold":
        named = _cross_validation(manifest, split, findings, seed)
    elif split.scheme == "patients":
        train = 1 - split.val - split.test
        name = f"patients {train * 100:.0f}/{split.val * 100:.0f}/{split.test * 100:.0f}"
        named = NamedSplit(
            name, _table(manifest, deal_images(manifest, findings, (train, split.val, split.test), PARTS, seed))
        )
    elif split.scheme == "test":
        named = NamedSplit("all test", _table(manifest, np.full(len(manifest), "test")))
    else:
        parts = listed_parts(manifest, split, findings, seed)
        names = {"official": official_name, "lists": _name_of_lists, "predefined": lambda _: "predefined column"}
        named = NamedSplit(names[split.scheme](manifest), _table(manifest, parts))
    for fold in named.folds if split.scheme != "test" else ():
        _check_parts(manifest, named.table[named.table["fold"] == fold], split.scheme, fold)
    check_patients(manifest, named.table)
    return named


def check_patients(manifest: pd.DataFrame, split: pd.DataFrame) -> None:
    """Raise UserError when a patient has images in more than one part of a fold, or the split names unknown things."""
    bad = sorted(set(split["split"]) - set(PARTS))
    if bad:
        raise UserError(f'split: unknown part "{bad[0]}"; allowed are {", ".join(PARTS)}')
    again = split.duplicated(["image_id", "fold"])
    if again.any():
        raise UserError(f"split: image {split.loc[again, 'image_id'].iloc[0]} is listed twice")
    patients = split["image_id"].map(manifest.set_index("image_id")["patient_id"])
    if patients.isna().any():
        raise UserError(f"split: image {split.loc[patients.isna(), 'image_id'].iloc[0]} is not in the manifest")
    found = pd.DataFrame({"patient": patients, "split": split["split"], "fold": split["fold"]}).drop_duplicates()
    shared = found[found.duplicated(["patient", "fold"], keep=False)]
    if len(shared):
        first = shared.iloc[0]
        parts = sorted(shared.loc[(shared["patient"] == first["patient"]) & (shared["fold"] == first["fold"]), "split"])
        raise UserError(
            f"split: patient {first['patient']} has images in {' and '.join(parts)} "
            f"({shared['patient'].nunique()} such patients); each patient may be in one part only, so nothing was run "
            "on it"
        )


def describe_split(
    manifest: pd.DataFrame, split: NamedSplit, findings: list[str], labels: np.ndarray
) -> dict[str, Any]:
    """Return name, hash and, per part, images, patients, hash of ids and positives per finding. labels: (N, K).

    The split must be one fold: an image counts once.
    """
    row_of = pd.Series(np.arange(len(manifest)), index=manifest["image_id"])
    parts = {}
    for part in PARTS:
        ids = split.table.loc[split.table["split"] == part, "image_id"]
        rows = row_of[ids].to_numpy()
        positives = (labels[rows] == 1).sum(axis=0)
        parts[part] = {
            "images": len(ids),
            "patients": int(manifest["patient_id"].iloc[rows].nunique()),
            "hash": hash_of_ids(ids),
            "positives": {finding: int(count) for finding, count in zip(findings, positives, strict=True)},
        }
    return {
        "name": split.name,
        "hash": hash_of_ids(split.table["image_id"] + "," + split.table["split"]),
        "parts": parts,
    }


def _cross_validation(manifest: pd.DataFrame, split: Split, findings: list[str], seed: int) -> NamedSplit:
    """Deal whole patients to k folds of equal share; each is the test part once, and val is drawn from the others."""
    names = tuple(str(fold) for fold in range(split.folds))
    fold_of = deal_images(manifest, findings, (1 / split.folds,) * split.folds, names, seed)
    tables = []
    for fold in names:
        parts = np.where(fold_of == fold, "test", "").astype("<U5")
        rest = np.flatnonzero(fold_of != fold)
        if len(rest):
            shares = (1 - split.val, split.val)
            parts[rest] = deal_images(manifest.iloc[rest], findings, shares, ("train", "val"), seed + int(fold))
        tables.append(_table(manifest, parts, fold))
    return NamedSplit(f"{split.folds} folds", pd.concat(tables, ignore_index=True))


def _table(manifest: pd.DataFrame, parts: np.ndarray, fold: str = "") -> pd.DataFrame:
    table = pd.DataFrame({"image_id": manifest["image_id"].to_numpy(), "split": parts, "fold": fold})
    return table[table["split"] != ""].reset_index(drop=True)


def _name_of_lists(manifest: pd.DataFrame) -> str:
    return "lists of the data set"


def _check_parts(manifest: pd.DataFrame, table: pd.DataFrame, scheme: str, fold: str) -> None:
    for part in PARTS:
        if not (table["split"] == part).any():
            patients = manifest["patient_id"].nunique()
            where = f" of fold {fold}" if fold else ""
            raise UserError(
                f"split: part {part!r}{where} gets no image ({len(manifest)} images of {patients} patients, scheme "
                f"{scheme!r}); at least one patient per part is needed: add data or change split.val, split.test"
            )
