"""Rows of a sweep in, sweep.csv, sweep.png and lines for the terminal out: best on validation first."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cxr.config.atomic import write_text
from cxr.reporting.embedding import save_figure
from cxr.reporting.panels import BLUE, calm
from cxr.reporting.wording import duration_text, with_interval

FIGURES = ("auroc", "low", "high", "findings", "parameters", "seconds", "reason")
Row = Mapping[str, Any]


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the highest mean AUROC first, and those without one last."""
    return sorted(rows, key=lambda row: (row["auroc"] is None, -(row["auroc"] or 0)))


def write_sweep(folder: Path, rows: Sequence[Row]) -> None:
    """Write sweep.csv and, of the points that have a value, sweep.png.

    rows: each with "values" (key -> value, the same keys in all), "point" and the keys of FIGURES.
    """
    rows = in_order(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["point", *rows[0]["values"], *FIGURES])
    for row in rows:
        values = [value if isinstance(value, str) else json.dumps(value) for value in row["values"].values()]
        writer.writerow([row["point"], *values, *(row[key] for key in FIGURES)])
    write_text(folder / "sweep.csv", text.getvalue())
    (folder / "sweep.png").unlink(missing_ok=True)  # of an earlier call, with other points
    if measured := [row for row in rows if row["auroc"] is not None]:
        save_figure(folder / "sweep.png", sweep_figure(measured))


def sweep_figure(rows: Sequence[Row]) -> Figure:
    """One line per point, best first: mean AUROC on the val part with its interval."""
    figure = Figure(figsize=(6.4, 0.34 * len(rows) + 1.0), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(rows):
        if row["low"] is not None:
            panel.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=1.8, solid_capstyle="butt")
        panel.plot(row["auroc"], place, marker="o", markersize=6, color=BLUE)
    panel.set_yticks(range(len(rows)), [values_text(row["values"]) for row in rows])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel("Mean AUROC, val part, 95 % interval over patients", fontsize=9)
    calm(panel)
    return figure


def sweep_lines(rows: Sequence[Row]) -> list[str]:
    """Return a line per point, best first."""
    return [f"{values_text(row['values'])}: {_result_text(row)}" for row in in_order(rows)]


def values_text(values: Mapping[str, Any]) -> str:
    """`learning_rate 0.001, loss "bce"`; keys as short as they differ, and a `name` by what it names."""
    paths = [key.removesuffix(".name").split(".") for key in values]
    lengths = range(1, max(map(len, paths), default=0) + 1)
    names = [[".".join(path[-length:]) for path in paths] for length in lengths]
    short = next((one for one in names if len(set(one)) == len(paths)), list(values))
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in zip(short, values.values(), strict=True))


def _result_text(row: Row) -> str:
    if row["auroc"] is None:
        return f"no result: {row['reason']}"
    entry = {"value": row["auroc"], "low": row["low"], "high": row["high"]}
    time = duration_text(row["seconds"])
    return f"mean AUROC on val {with_interval(entry)}, trained in {time}, {row['parameters']:,} parameters"
