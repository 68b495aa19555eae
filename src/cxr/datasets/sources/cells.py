"""A CSV file in, its rows as text out; a row whose cells do not fit the header is marked, never shifted."""

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxr.config.errors import UserError


def read_cells(path: Path, needed: Sequence[str], commas_in_header: bool = False) -> tuple[pd.DataFrame, pd.Series]:
    """Return the table as strings, one row per data row (index from 0), and for each row what is wrong with its cells.

    Empty cells behind the last column are fine, as some exports end every line with a comma; any other count of cells
    may have moved the patient id into another column. Blank lines are no rows. Files ending in .gz are unpacked.
    commas_in_header: names of columns hold commas without quotes (NIH's "OriginalImage[Width,Height]" is two columns).
    Raises UserError for a file that is missing, not UTF-8 or no CSV, and for columns that are missing or doubled.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            first, *lines = [cells for cells in csv.reader(stream, strict=True) if cells] or [[]]
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a CSV table ({_reason(error)})") from error
    header = [column.strip() for column in (",".join(first).rstrip(",").split(",") if commas_in_header else first)]
    while header and not header[-1]:
        header.pop()
    if missing := [column for column in needed if column not in header]:
        raise UserError(f"{path}: has no column {', '.join(missing)}; found {', '.join(header) or 'none'}")
    if doubled := [column for column in needed if header.count(column) > 1]:
        raise UserError(f"{path}: has {header.count(doubled[0])} columns called {doubled[0]}; one is needed")
    width = len(header)
    flaws = [_flaw(cells, width) for cells in lines]
    even = [cells[:width] if len(cells) >= width else cells + [""] * (width - len(cells)) for cells in lines]
    table = pd.DataFrame(even, columns=header, dtype=str)
    return table.loc[:, ~table.columns.duplicated()], pd.Series(flaws, dtype=str)


def not_utf8(path: Path, error: UnicodeDecodeError) -> UserError:
    """Return the sentence about a file in another encoding."""
    return UserError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8")


def _flaw(cells: list[str], columns: int) -> str:
    if len(cells) >= columns and not any(cells[columns:]):
        return ""
    return f"has {len(cells)} cells where the header has {columns}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
