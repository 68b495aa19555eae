"""A table of labels in, NIH's own or any with a row per image; image, patient and label codes per finding out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.findings import ALL_FINDINGS, IMAGE_COLUMNS, KEPT_COLUMNS, NO_FINDING, checked_name, match_findings
from cxr.datasets.labels import LABEL_CODES
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.sources.nih import ID, LABELS, read_nih_table

PATIENT_COLUMNS = ("patient_id", "patient id", "patient", "patientid")
SUFFIX = ":label"
TEXTS = LABEL_CODES | {"1.0": 1.0, "0.0": 0.0, "-1.0": -1.0}


@dataclass(frozen=True, eq=False)
class LabelTable:
    """N images and what they are said to show."""

    path: Path
    image_ids: np.ndarray
    """(N,) str, each once."""
    patient_ids: np.ndarray | None
    """(N,) str; None where the table names no patients."""
    findings: tuple[str, ...]
    """K names."""
    codes: np.ndarray
    """(N, K) float64: 1, 0, -1 uncertain, NaN empty."""
    described: pd.DataFrame
    """`image_id` and, of NIH's table, `patient_id`, `study_id`, `view`, `sex`, `age`; N rows."""


def read_label_table(path: Path) -> LabelTable:
    """Read NIH's `Data_Entry` table, or one with an image column and a column per finding of 1, 0, -1 and empty.

    In the second form `<finding>:label` columns count alone where there are some (predictions.csv); else columns that
    spell a known finding, and others that hold labels and nothing else. Raises UserError, in one sentence, for a table
    that is missing, broken, without images or findings, names an image twice, or holds another text for a label.
    """
    table, flaws = read_cells(path, ())
    if ID in table and LABELS in table:
        table, flaws = read_nih_table(path)
        columns = {finding: finding for finding in table.columns if finding in (*ALL_FINDINGS, NO_FINDING)}
        image, patient = "image_id", "patient_id"
    else:
        image, patient = _named(table, IMAGE_COLUMNS), _named(table, PATIENT_COLUMNS)
        if image is None:
            raise UserError(f"{path}: has no column of images; call it image_id (found {', '.join(table.columns)})")
        columns = _finding_columns(table, {image, patient}, path)
    if (flaws != "").any():
        row = int(np.argmax(flaws != ""))
        raise UserError(f"{path}, row {row + 1}: {flaws.iloc[row]}")
    ids = table[image].str.strip().to_numpy(str)
    _check_ids(ids, path)
    described = [name for name in ("patient_id", "study_id", "view", "sex", "age") if name in table]
    return LabelTable(
        path=path,
        image_ids=ids,
        patient_ids=None if patient is None else table[patient].str.strip().to_numpy(str),
        findings=tuple(columns),
        codes=np.stack([_codes_of(table[column], column, path) for column in columns.values()], axis=1),
        described=table[described].assign(image_id=ids),
    )


def _named(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    by_name = {column.casefold(): column for column in table.columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _finding_columns(table: pd.DataFrame, taken: set[str | None], path: Path) -> dict[str, str]:
    """Return finding -> column."""
    rest = [column for column in table.columns if column not in taken and column.casefold() not in KEPT_COLUMNS]
    if marked := [column for column in rest if column.endswith(SUFFIX)]:
        bare = {column.removesuffix(SUFFIX): column for column in marked}
    else:
        known = match_findings(rest, (*ALL_FINDINGS, NO_FINDING))
        labels = [c for c in rest if c in known or (table[c].str.strip().isin(TEXTS).all() and (table[c] != "").any())]
        bare = {column: column for column in labels}
    spelt = match_findings(bare, (*ALL_FINDINGS, NO_FINDING))
    found: dict[str, str] = {}
    for name, column in bare.items():
        finding = spelt.get(name, name)
        if finding in found:
            raise UserError(f"{path}: columns {found[finding]} and {column} both label {finding}; one is needed")
        try:
            found[finding if finding == NO_FINDING else checked_name(finding)] = column
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error
    if not found:
        raise UserError(
            f"{path}: has no labels; needed is NIH's Data_Entry table, or a column per finding of 1, 0, -1 (uncertain) "
            "and empty"
        )
    return found


def _check_ids(ids: np.ndarray, path: Path) -> None:
    if len(ids) == 0:
        raise UserError(f"{path}: holds no image; a row per image is needed")
    if (ids == "").any():
        raise UserError(f"{path}, row {int(np.argmax(ids == '')) + 1}: names no image; every row needs one")
    if (again := pd.Series(ids).duplicated()).any():
        raise UserError(f"{path}, row {int(np.argmax(again)) + 1}: image '{ids[again][0]}' appears again")


def _codes_of(texts: pd.Series, column: str, path: Path) -> np.ndarray:
    texts = texts.str.strip()
    stray = ~texts.isin(TEXTS).to_numpy()
    if stray.any():
        row = int(np.argmax(stray))
        raise UserError(
            f"{path}, row {row + 1}, column '{column}': found '{texts.iloc[row]}'; allowed are 1, 0, -1 (uncertain) "
            "and empty"
        )
    return texts.map(TEXTS).to_numpy(np.float64)
