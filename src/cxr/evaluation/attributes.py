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

    Ages and follow-up numbers become bands. Unknown stays empty text. Add columns of your own to the result as needed.
    """
    found = {"image_id": images["image_id"].astype(str)}
    for column in PLAIN:
        if column in images:
            found[column] = images[column].fillna("").astype(str)
    for column, bands in (("age", AGES), ("follow_up", FOLLOW_UPS)):
        if column in images:
            found[column] = band_names(images[column], bands)
    return pd.DataFrame(found)


def band_names(numbers: pd.Series, bands: tuple[tuple[int, str], ...]) -> np.ndarray:
    """(N,) str: the band of each number; "" for what is no number or lies below the first band."""
    values = pd.to_numeric(numbers, errors="coerce").to_numpy(dtype=np.float64)
    place = np.searchsorted([first for first, _ in bands], values, side="right")
    names = np.array(["", *(name for _, name in bands)], dtype=object)
    return np.where(np.isnan(values), "", names[place])
