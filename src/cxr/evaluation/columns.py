"""The text of a predictions.csv in, its columns as typed arrays out; the text's own mistakes are caught here."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr.config.errors import UserError

PARTS = ("train", "val", "test")
ID_COLUMNS = ("image_id", "patient_id", "split")
LABEL_SUFFIX = ":label"
UNCERTAIN = -1.0
LABEL_TEXTS = {"": np.nan, "1": 1.0, "0": 0.0, "-1": UNCERTAIN, "1.0": 1.0, "0.0": 0.0, "-1.0": UNCERTAIN}
RESERVED = "mean"  # metrics.json keeps the mean over findings beside the findings


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text, every row as long as the header.

    The csv module, because pandas shifts or fills rows of another length in silence. Raises UserError for a file that
    is missing, empty, not CSV in UTF-8, or has a row of another length.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            rows = list(reader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is not a CSV file in UTF-8 ({error}).") from error
    if not header:
        raise UserError(f"{path}: is empty; expected a header and one row per image.")
    while rows and not rows[-1]:
        rows.pop()  # blank lines at the end say nothing; anywhere else they are a broken row
    for place, row in enumerate(rows):
        if len(row) != len(header):
            raise UserError(f"{path}, line {place + 2}: has {len(row)} cells; the header has {len(header)}.")
    return header, rows


def findings_of(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """The findings of a header: every column that is neither an id nor a label, each with its label column.

    Raises UserError for columns that are missing, doubled or without their pair, and for a finding called "mean".
    """
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise UserError(f"{path}: column '{doubled[0]}' appears more than once; each column may appear once.")
    missing = [name for name in ID_COLUMNS if name not in header]
    if missing:
        raise UserError(
            f"{path}: lacks column '{missing[0]}'; needed are {', '.join(ID_COLUMNS)} and pairs per finding."
        )
    findings = tuple(name for name in header if name not in ID_COLUMNS and not name.endswith(LABEL_SUFFIX))
    for finding in findings:
        if finding + LABEL_SUFFIX not in header:
            raise UserError(f"{path}: column '{finding}' has no label column; needed is '{finding}{LABEL_SUFFIX}'.")
    for name in header:
        if name.endswith(LABEL_SUFFIX) and name.removesuffix(LABEL_SUFFIX) not in findings:
            wanted = name.removesuffix(LABEL_SUFFIX)
            raise UserError(f"{path}: column '{name}' has no probability column; needed is '{wanted}'.")
    if not findings:
        raise UserError(f"{path}: holds no finding; needed are columns <finding> and <finding>{LABEL_SUFFIX}.")
    if RESERVED in findings:
        raise UserError(f"{path}: a finding is called '{RESERVED}'; that name is kept for the mean over findings.")
    return findings


def parse_probabilities(path: Path, column: str, texts: Sequence[str]) -> np.ndarray:
    """(N,) float64, the range unchecked; Python's float, because pandas' parser may be off in the last bit.

    Raises UserError for a text that is no number.
    """
    values = np.empty(len(texts))
    for place, text in enumerate(texts):
        try:
            values[place] = float(text)
        except ValueError:
            raise UserError(
                f"{path}, line {place + 2}, column '{column}': '{text}' is no probability in [0, 1]."
            ) from None
    return values


def parse_labels(path: Path, column: str, texts: Sequence[str]) -> np.ndarray:
    """(N,) float64: 1, 0, -1 uncertain, NaN for an empty cell; UserError for any other text."""
    try:
        return np.array([LABEL_TEXTS[text] for text in texts], dtype=np.float64)
    except KeyError:
        place = next(place for place, text in enumerate(texts) if text not in LABEL_TEXTS)
        raise UserError(label_message(path, place + 2, column, texts[place])) from None


def label_message(path: Path, line: int, column: str, found: object) -> str:
    """The sentence about a label that is none; the text and the array check share it."""
    return f"{path}, line {line}, column '{column}': found '{found}'; allowed are 1, 0, -1 (uncertain) and empty."
