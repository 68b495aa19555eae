"""Lists with a line per image, `path 0 1 0 ...`, in; rows out. zoogzog's and arnoweng's CheXNet publish theirs so."""

import re
from pathlib import Path

import pandas as pd

from cxr.config.datasets import ListDataset
from cxr.config.errors import UserError
from cxr.datasets.sources.accept import accept_rows, patient_from, require_folder
from cxr.datasets.sources.cells import not_utf8
from cxr.datasets.sources.files import find_images, is_file
from cxr.datasets.table import SourceTable

SEPARATORS = re.compile(r"[\s,;]+")


def read_list(dataset: ListDataset, name: str) -> SourceTable:
    """Read every list; an image is found by its path below the root, or by its file name in any folder there.

    Raises UserError when folder or lists are missing, or when no line at all can be used.
    """
    require_folder(dataset.root, name, "the lists and their images")
    files, _ = find_images(dataset.root)
    patient = patient_from(dataset.patient_pattern)
    records, flaws, numbers = [], [], []
    for part, file in dataset.lists.items():
        for number, line in enumerate(_lines(dataset.root / file), 1):
            numbers.append(number)
            path, *labels = [cell for cell in SEPARATORS.split(line) if cell]
            found = path if is_file(dataset.root, path) else files.get(Path(path).name, path)
            records.append((found, Path(path).name, patient(path), "" if part == "all" else part, *labels))
            flaws.append(_flaw(labels, len(dataset.findings)))
    width = 4 + len(dataset.findings)
    even = [record[:width] + ("",) * (width - len(record)) for record in records]
    rows = pd.DataFrame(even, columns=["path", "image_id", "patient_id", "listed", *dataset.findings], dtype=str)
    if rows["image_id"].duplicated().any():  # names that are unique in their folder only
        rows["image_id"] = rows["path"].str.replace("/", "-")
    first = dataset.root / next(iter(dataset.lists.values()))
    flawed, counted = pd.Series(flaws, dtype=str), pd.Series(numbers, dtype=int)
    return accept_rows(dataset, name, first, rows, flawed, dataset.findings, numbers=counted)


def _lines(path: Path) -> list[str]:
    """Lines that hold something; the last one with or without a final newline."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); a list of the data set needs it") from error
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    return [line for line in text.splitlines() if line.strip(" \t,;")]


def _flaw(labels: list[str], findings: int) -> str:
    if len(labels) != findings:
        return f"has {len(labels)} labels for {findings} findings"
    wrong = next((label for label in labels if label not in ("0", "1")), None)
    return "" if wrong is None else f'has the label "{wrong}"; allowed are 0 and 1'
