"""A row of figures per epoch in; history.csv, tables of parts, and what can be told from the rows alone, out.

A figure called `val_auroc:Effusion` is column `Effusion` of val_auroc.csv; every other is a column of history.csv.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxr.config.atomic import written_atomically

HISTORY = "history.csv"
Row = dict[str, float]


def write_history(folder: Path, history: Sequence[Row]) -> None:
    """Write every table anew, each atomically."""
    tables: dict[str, list[Row]] = {}
    for row in history:
        for table, part in _tables_of(row).items():
            tables.setdefault(table, []).append(part)
    for table, rows in tables.items():
        with written_atomically(folder / table) as part:
            pd.DataFrame(rows).to_csv(part, index=False)


def history_table(history: Sequence[Row]) -> pd.DataFrame:
    """Return the content of history.csv."""
    return pd.DataFrame([_tables_of(row)[HISTORY] for row in history])


def best_epoch(history: Sequence[Row], score: str, fallback: str) -> int:
    """Return the number (from 1) of the earliest epoch with the best score, or with the lowest fallback if unscored."""
    scored = [row for row in history if math.isfinite(row[score])]
    if scored:
        return int(max(scored, key=lambda row: row[score])["epoch"])
    return int(min(history, key=lambda row: row[fallback])["epoch"])


def _tables_of(row: Row) -> dict[str, Row]:
    tables: dict[str, Row] = {HISTORY: {}}
    for name, value in row.items():
        table, colon, column = name.partition(":")
        if colon:
            tables.setdefault(f"{table}.csv", {"epoch": row["epoch"]})[column] = value
        else:
            tables[HISTORY][name] = value
    return tables
