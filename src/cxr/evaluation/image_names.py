"""Image names of two files in, which row of the second each one of the first is out: with ending or without."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from cxr.config.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".dcm")


def find_images(wanted: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """(n,) int: the row in `known` of each wanted name, -1 where it is in none.

    A name that is not there as it is written is sought without its folder and image ending: `images/00000001_000` is
    `00000001_000.png`. A name that so stands for several images counts as not there: it says too little.
    """
    exact = pd.Index(known)
    rows = exact.get_indexer(wanted)
    missing = rows < 0
    if missing.any():
        bare = pd.Series(range(len(known)), index=[bare_name(name) for name in known])
        bare = bare[~bare.index.duplicated(keep=False)]
        sought = bare.reindex([bare_name(name) for name in np.asarray(wanted, dtype=str)[missing]])
        rows[missing] = sought.fillna(-1).to_numpy(int)
    return rows


def bare_name(name: str) -> str:
    """Return the name without source, folders and the ending of an image file."""
    last = PurePosixPath(name.strip().replace("\\", "/")).name
    last = last.rpartition(":")[2]  # several data sets: the source stands before
    ending = next((ending for ending in ENDINGS if last.lower().endswith(ending)), "")
    return last[: len(last) - len(ending)]


def check_each_once(rows: np.ndarray, names: Sequence[str], where: str) -> None:
    """Raise UserError where two names stand for one image."""
    again = pd.Series(rows).duplicated().to_numpy() & (rows >= 0)
    if again.any():
        place = int(np.argmax(again))
        first = int(np.argmax(rows == rows[place]))
        raise UserError(
            f"{where}, line {place + 2}: image '{names[place]}' is in line {first + 2} already ('{names[first]}'); "
            "each image may appear once."
        )
