"""The parts that data sets' own lists and columns name in; train, val and test of every image out."""

from importlib.resources import files

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.record import hash_of_ids
from cxr.config.split import Split
from cxr.datasets.stratify import deal_images

OFFICIAL = {
    "train_val": (86_524, "61fbe896321c1c1c8b75f3e4f3a08e4fef6486d95ef8a667c31d4d60dca6cb81"),
    "test": (25_596, "38ca5ef7f756092946f57c1a59faca882ed589a1ab1f72590b45dc06c6d5e1cc"),
}
"""NIH's own lists: their number of images, and the SHA-256 of the sorted ids."""
NIH_ID = r"(?:^|\D)(000[0-3]\d{4})_\d{3}(?:\.\w+)?$"
"""Name of an NIH image, alone or behind a folder: the patient's number (the last is 30805) and the image's."""


def listed_parts(manifest: pd.DataFrame, split: Split, findings: list[str], seed: int) -> np.ndarray:
    """Return (N,) train, val, test or "" as listed; where no list names val, it is drawn by patient from train(_val).

    Raises UserError where a needed list is missing; whether lists are NIH's, `official_name` tells.
    """
    listed = manifest["listed"].to_numpy(str)
    if split.scheme == "predefined":
        return _predefined(manifest, listed)
    _require_lists(listed, split.scheme)
    parts = np.where(listed == "train_val", "train", listed).astype("<U5")
    if not (parts == "val").any():
        inner = np.flatnonzero(parts == "train")
        parts[inner] = deal_images(manifest.iloc[inner], findings, (1 - split.val, split.val), ("train", "val"), seed)
    return parts


def official_name(manifest: pd.DataFrame) -> str:
    """Return "official" or "official (subset)"; UserError where the lists disagree with NIH's.

    All of it is told by count and hash of the sorted ids, a part by the patients, who are in one of NIH's lists only.
    """
    listed = manifest["listed"]
    ids = manifest["image_id"].str.rpartition(":")[2]
    if all(_is_whole(ids[listed == part], count, digest) for part, (count, digest) in OFFICIAL.items()):
        return "official"
    test_patients = set(files("cxr.datasets").joinpath("nih_official_test_patients.txt").read_text().split())
    numbers = manifest["patient_id"].str.rpartition(":")[2].str.lstrip("0")
    foreign = (listed != "") & (ids.str.extract(NIH_ID)[0].str.lstrip("0") != numbers)
    if foreign.any():
        raise UserError(
            f'split.scheme "official": image {manifest.loc[foreign, "image_id"].iloc[0]} of patient '
            f"{manifest.loc[foreign, 'patient_id'].iloc[0]} is none of NIH's, whose names are patient_image "
            f'(00000001_000) ({int(foreign.sum())} such images); use "scheme": "lists" for lists of your own'
        )
    wrong = (numbers.isin(test_patients) != (listed == "test")) & (listed != "")
    if wrong.any():
        first = manifest[wrong].iloc[0]
        raise UserError(
            f'split.scheme "official": image {first["image_id"]} is listed as {first["listed"]}, but not in NIH\'s own '
            f'lists ({int(wrong.sum())} such images); use "scheme": "lists" for lists of your own'
        )
    return "official (subset)"


def _is_whole(ids: pd.Series, count: int, digest: str) -> bool:
    return len(ids) == count and hash_of_ids(ids) == digest


def _predefined(manifest: pd.DataFrame, listed: np.ndarray) -> np.ndarray:
    wrong = ~np.isin(listed, ("train", "val", "test"))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(
            f'split.scheme "predefined": image {manifest["image_id"].iloc[row]} is in part "{listed[row]}" '
            f"({int(wrong.sum())} such images); every image needs train, val or test in the column that "
            'columns.split names, or use "scheme": "lists"'
        )
    return listed.astype("<U5")


def _require_lists(listed: np.ndarray, scheme: str) -> None:
    if not (listed == "test").any():
        missing = "test"
    elif not np.isin(listed, ("train", "train_val")).any():
        missing = "train_val"
    else:
        return
    raise UserError(
        f'split.scheme "{scheme}": no image is listed as {missing}; put train_val_list.txt and test_list.txt beside '
        'NIH\'s label table (other formats: lists or a split column), or use "scheme": "patients"'
    )
