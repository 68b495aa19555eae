"""Metrics and training histories in, matplotlib figures out; nothing is drawn through global state."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr.evaluation.metrics import findings_of
from cxr.reporting.panels import BLUE, GREY, VERMILLION, calm
from cxr.reporting.wording import FEW, finding_text, level_text, result_text


def forest_figure(metrics: Mapping[str, Any], with_numbers: bool = True) -> Figure:
    """AUROC of each finding with its interval, highest first, those without one last, and their mean below.

    `with_numbers` writes each row's numbers at the right edge; without them the figure is a third narrower.
    """
    entries = metrics["auroc"]
    order = sorted(
        findings_of(metrics), key=lambda name: (entries[name]["value"] is None, -(entries[name]["value"] or 0))
    )
    figure = Figure(figsize=(6.4 if with_numbers else 4.3, 0.3 * len(order) + 1.5), layout="constrained")
    panel = figure.subplots()
    for row, finding in enumerate(order):
        entry = entries[finding]
        weak = min(entry["positives"], entry["negatives"]) < FEW
        _draw_interval(panel, row, entry, BLUE, "o", hollow=weak)
    mean_row = len(order) + 0.4
    _draw_interval(panel, mean_row, entries["mean"], VERMILLION, "D")
    names = [f"{finding_text(name)} ({entries[name]['positives']:,} pos.)" for name in order]
    panel.set_yticks([*range(len(order)), mean_row], [*names, f"Mean of {entries['mean']['findings']} findings"])
    panel.set_ylim(mean_row + 0.7, -0.7)
    if with_numbers:
        for row, name in [*enumerate(order), (mean_row, "mean")]:
            where = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8.5}
            panel.annotate(result_text(entries[name]), (1.02, row), **where)
    panel.axvline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    lows = [entry["low"] if entry["low"] is not None else entry["value"] for entry in entries.values()]
    panel.set_xlim(min([0.45, *(low - 0.03 for low in lows if low is not None)]), 1.01)
    label = f"AUROC, {metrics['split']['part']} part, {level_text(metrics)} interval over patients"
    panel.set_xlabel(label if with_numbers else label.replace("part, ", "part,\n"), fontsize=9)
    calm(panel)
    return figure


def _draw_interval(
    panel: Axes, row: float, entry: Mapping[str, Any], colour: str, marker: str, hollow: bool = False
) -> None:
    """One row of the forest plot: whatever there is of interval and value."""
    if entry["low"] is not None:
        panel.plot([entry["low"], entry["high"]], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
    if entry["value"] is not None:
        face = "white" if hollow else colour
        panel.plot(entry["value"], row, marker=marker, markersize=6, color=colour, markerfacecolor=face, clip_on=False)


def loss_figure(
    histories: Mapping[str, pd.DataFrame], best_epochs: Mapping[str, int] | None = None, columns: int = 2
) -> Figure:
    """Per member: training and validation loss, and validation AUROC, by epoch; the best epoch is marked.

    Args:
        histories: member to a table with columns epoch, loss, val_loss, val_auroc; at least one member.
        best_epochs: member to the epoch whose weights were kept; without it the one of the highest val_auroc.
        columns: 2 puts a member's two panels side by side, 1 puts them one below the other.
    """
    rows = 2 * len(histories) // columns
    figure = Figure(figsize=(4.1 * columns, 2.3 * rows + 0.2), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (member, history) in enumerate(histories.items()):
        best = (best_epochs or {}).get(member, _highest(history))
        losses, areas = panels[2 * place : 2 * place + 2]
        losses.plot(history["epoch"], history["loss"], color=BLUE, marker=".", label="train part")
        losses.plot(history["epoch"], history["val_loss"], color=VERMILLION, marker=".", ls="--", label="val part")
        areas.plot(history["epoch"], history["val_auroc"], color=VERMILLION, marker=".", ls="--", label="val part")
        for panel, quantity in ((losses, "Loss"), (areas, "Mean AUROC")):
            panel.set_title(f"{member}: {quantity}", fontsize=9)
            panel.set_xlabel("Epoch", fontsize=9)
            panel.set_ylabel(quantity, fontsize=9)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            if best is not None:
                panel.axvline(best, color=GREY, linewidth=1, linestyle=":", label=f"best epoch ({best})")
            panel.legend(fontsize=8, frameon=False)
            calm(panel)
    return figure


def _highest(history: pd.DataFrame) -> int | None:
    """The epoch of the highest validation AUROC; None where no epoch has one."""
    known = history.dropna(subset="val_auroc")
    return int(known.loc[known["val_auroc"].idxmax(), "epoch"]) if len(known) else None
