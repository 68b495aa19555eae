"""A table of images (manifest.csv) in, the attributes that subgroups are made of out, one column each."""

import numpy as np
import pandas as pd

AGES = ((0, "0-17"), (18, "18-39"), (40, "40-59"), (60, "60-79"), (80, "80+"))
"""First year of each band and its name."""
FOLLOW_UPS = ((0, "first"), (1, "1-4"), (5, "5+"))
"""Lowest follow-up number of each band and its name; NIH's `Follow-up #` is 0 for a patient's first image."""
PLAIN = ("sex", "view", "source")


def attribute_table(images: pd.DataFrame) -> pd.DataFrame:
    """`image_id` and, of `sex`, `view`, `source`, `age` (years) and `follow_up` (number) those that the table has.

    Ages and follow-up numbers become bands; without a column `follow_up` it is counted from `study_id` (see
    `follow_up_numbers`). Unknown stays empty text. Add columns of your own to the result as needed.
    """
    if "follow_up" not in images and {"patient_id", "study_id"} <= set(images):
        images = images.assign(follow_up=follow_up_numbers(images["patient_id"], images["study_id"]))
    found = {"image_id": images["image_id"].astype(str)}
    for column in PLAIN:
        if column in images:
            found[column] = images[column].fillna("").astype(str)
    for column, bands in (("age", AGES), ("follow_up", FOLLOW_UPS)):
        if column in images:
            found[column] = band_names(images[column], bands)
    return pd.DataFrame(found)


def follow_up_numbers(patients: pd.Series, studies: pd.Series) -> pd.Series:
    """(N,) float64: how many earlier studies of its patient the table has, by the number that a study's name ends in.

    NaN where the name ends in none. NIH's studies end in their follow-up number, CheXpert's in `study1`, ...
    """
    numbers = pd.to_numeric(studies.astype(str).str.extract(r"(\d+)$")[0], errors="coerce")
    return numbers.groupby(patients).rank(method="dense") - 1


def band_names(numbers: pd.Series, bands: tuple[tuple[int, str], ...]) -> np.ndarray:
    """(N,) str: the band of each number; "" for what is no number or lies below the first band."""
    values = pd.to_numeric(numbers, errors="coerce").to_numpy(dtype=np.float64)
    place = np.searchsorted([first for first, _ in bands], values, side="right")
    names = np.array(["", *(name for _, name in bands)], dtype=object)
    return np.where(np.isnan(values), "", names[place])
