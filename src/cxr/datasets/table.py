"""What every source returns: accepted rows, rejected rows, and what it noticed; and the columns they have."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

DESCRIPTION = ["image_id", "source", "path", "patient_id", "study_id", "view", "sex", "age", "listed"]
"""Manifest columns before the findings. `listed` is the part a source's own lists or columns
name: train, val, test, train_val or empty."""

REJECTED = ["source", "row", "path", "reason"]
"""Columns of rejected.csv; `row` counts the data rows of the source's table, or of each of its tables, from 1."""

BOXES = ["image_id", "finding", "x", "y", "width", "height"]
"""Columns of boxes: left upper corner and size, as shares of the image's width and height, or in its pixels."""


def no_boxes() -> pd.DataFrame:
    """Return a table of no boxes."""
    return pd.DataFrame({column: pd.Series(dtype=str if column in BOXES[:2] else float) for column in BOXES})


@dataclass(frozen=True)
class SourceTable:
    """One data set as read: every row of its label table is in `rows` or in `rejected`.

    rows: DESCRIPTION columns as strings, then one string column per finding ("1", "0", "-1", "" not said), and `row`,
    the data row of the source's table that each comes from. rejected: REJECTED columns. root: folder that `path` is
    relative to. notes: sentences for the user. boxes: BOXES columns in shares of the image. origin: sources with the
    same one share their patient numbers and image ids (two folders of NIH's images).
    """

    name: str
    root: Path
    findings: tuple[str, ...]
    rows: pd.DataFrame
    rejected: pd.DataFrame
    synthetic: bool = False
    origin: str = ""
    notes: list[str] = field(default_factory=list)
    boxes: pd.DataFrame = field(default_factory=no_boxes)
