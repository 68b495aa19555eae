"""Manifest in, a patient-disjoint split out: which image is in train, val or test; and the check every reader makes."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.record import hash_of_ids
from cxr.config.split import Split
from cxr.datasets.stratify import deal_patients

PARTS = ("train", "val", "test")
OFFICIAL_COUNTS = {"train_val": 86_524, "test": 25_596}
"""Images in NIH's own lists."""


@dataclass(frozen=True)
class NamedSplit:
    """A split with the name it must be reported under. table: columns image_id, split, fold (empty)."""

    name: str
    table: pd.DataFrame


def assign_split(manifest: pd.DataFrame, split: Split, findings: list[str], seed: int) -> NamedSplit:
    """Deal the images of the manifest to train, val and test by whole patients.

    `patients`: stratified by finding at the given shares. `official`: test is what the source's lists call test, and
    val is drawn from the patients of train_val. Raises UserError where a part would be empty or lists are missing.
    """
    if split.scheme == "official":
        parts, name = _official(manifest, split, findings, seed), _official_name(manifest)
    else:
        train = 1 - split.val - split.test
        name = f"patients {train * 100:.0f}/{split.val * 100:.0f}/{split.test * 100:.0f}"
        parts = _deal(manifest, findings, (train, split.val, split.test), PARTS, seed)
    table = pd.DataFrame({"image_id": manifest["image_id"], "split": parts, "fold": ""})
    table = table[table["split"] != ""].reset_index(drop=True)
    for part in PARTS:
        if not (table["split"] == part).any():
            patients = manifest["patient_id"].nunique()
            raise UserError(
                f"split: part {part!r} gets no image ({len(manifest)} images of {patients} patients, scheme "
                f"{split.scheme!r}); at least one patient per part is needed: add data or change split.val, split.test"
            )
    check_patients(manifest, table)
    return NamedSplit(name, table)


def check_patients(manifest: pd.DataFrame, split: pd.DataFrame) -> None:
    """Raise UserError when a patient has images in more than one part, or the split names unknown images or parts."""
    bad = sorted(set(split["split"]) - set(PARTS))
    if bad:
        raise UserError(f'split: unknown part "{bad[0]}"; allowed are {", ".join(PARTS)}')
    if split["image_id"].duplicated().any():
        raise UserError(f"split: image {split.loc[split['image_id'].duplicated(), 'image_id'].iloc[0]} is listed twice")
    patients = split["image_id"].map(manifest.set_index("image_id")["patient_id"])
    if patients.isna().any():
        raise UserError(f"split: image {split.loc[patients.isna(), 'image_id'].iloc[0]} is not in the manifest")
    parts = split.groupby(patients.to_numpy())["split"].agg(lambda values: sorted(set(values)))
    shared = parts[parts.apply(len) > 1]
    if len(shared):
        raise UserError(
            f"split: patient {shared.index[0]} has images in {' and '.join(shared.iloc[0])} "
            f"({len(shared)} such patients); each patient may be in one part only, so nothing was run on it"
        )


def describe_split(
    manifest: pd.DataFrame, split: NamedSplit, findings: list[str], labels: np.ndarray
) -> dict[str, Any]:
    """Return name, hash and, per part, images, patients, hash of ids and positives per finding. labels: (N, K)."""
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


def _deal(
    manifest: pd.DataFrame, findings: list[str], shares: tuple[float, ...], names: tuple[str, ...], seed: int
) -> np.ndarray:
    """Deal whole patients to parts of the given shares; (N,) array of part names."""
    patients, patient_of = np.unique(manifest["patient_id"].to_numpy(str), return_inverse=True)
    positive = (manifest[findings] == "1").to_numpy(np.int64)
    counts = np.zeros((len(patients), len(findings) + 1), np.int64)
    np.add.at(counts, patient_of, np.column_stack([positive, np.ones(len(manifest), np.int64)]))
    part_of_patient = deal_patients(counts, np.asarray(shares), np.random.default_rng([seed, 0x5B117]))
    return np.asarray(names)[part_of_patient[patient_of]]


def _official(manifest: pd.DataFrame, split: Split, findings: list[str], seed: int) -> np.ndarray:
    """Test as listed; train and val drawn from train_val by patient; images in no list get no part."""
    listed = manifest["listed"]
    for part in OFFICIAL_COUNTS:
        if not (listed == part).any():
            raise UserError(
                f'split.scheme "official": no image is listed as {part}; put train_val_list.txt and test_list.txt '
                'beside the label table, or use "scheme": "patients"'
            )
    parts = np.where(listed == "test", "test", "").astype("<U5")
    inner = np.flatnonzero(listed == "train_val")
    parts[inner] = _deal(manifest.iloc[inner], findings, (1 - split.val, split.val), ("train", "val"), seed)
    return parts


def _official_name(manifest: pd.DataFrame) -> str:
    """Name NIH's split by what is there: all of it, a subset of it, or lists that are somebody else's."""
    listed = manifest["listed"]
    test_patients = set(files("cxr.datasets").joinpath("nih_official_test_patients.txt").read_text().split())
    numbers = manifest["patient_id"].str.rpartition(":")[2].str.lstrip("0")
    is_official = numbers.isin(test_patients) == (listed == "test")
    if not is_official[listed != ""].all():
        return "lists of the data set"
    complete = all((listed == part).sum() == count for part, count in OFFICIAL_COUNTS.items())
    return "official" if complete else "official (subset)"
