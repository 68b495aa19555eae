"""metrics.json in, the reliability diagrams out: raw against calibrated, with what chance alone would show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr.evaluation.metrics import findings_of
from cxr.reporting.panels import BLUE, GREY, VERMILLION, add_legend, calm, fill_band, label_axes, panel_grid
from cxr.reporting.wording import finding_text, value_text

RAW, CALIBRATED, BAND = "raw", "calibrated", "band of a calibrated forecaster"
NARROW = 0.03
"""Share of the axis below which a shaded band would not be seen."""


def reliability_figure(metrics: Mapping[str, Any], columns: int = 4) -> Figure:
    """One panel per finding: observed rate against mean probability of each bin, on axes of its own."""
    findings = findings_of(metrics)
    figure, panels = panel_grid(len(findings), columns, legend=True)
    fullest = panels[0]
    for panel, finding in zip(panels, findings, strict=True):
        raw, calibrated = (metrics["calibration"][kind][finding] for kind in ("raw", "calibrated"))
        _draw(panel, raw["bins"], calibrated["bins"])
        panel.set_title(f"{finding_text(finding)}\n{_title(raw, calibrated)}", fontsize=9)
        if len(panel.get_legend_handles_labels()[1]) > len(fullest.get_legend_handles_labels()[1]):
            fullest = panel
    label_axes(figure, "Mean probability of a bin", "Share of positive images in it")
    add_legend(figure, fullest, columns=3 if columns > 2 else 1)
    return figure


def _title(raw: Mapping[str, Any], calibrated: Mapping[str, Any]) -> str:
    if not calibrated["bins"]:
        return "no labels"
    before, after = (value_text(one["ece"]["value"]) for one in (raw, calibrated))
    return f"ECE {after}, not calibrated" if raw["bins"] == calibrated["bins"] else f"ECE {before} → {after}"


def _draw(panel: Axes, raw: list[dict[str, Any]], calibrated: list[dict[str, Any]]) -> None:
    x, rate, low, high = (_column(calibrated, key) for key in ("probability", "rate", "band_low", "band_high"))
    style = {"markersize": 4, "linewidth": 1.2}
    if raw != calibrated:
        before = _column(raw, "probability"), _column(raw, "rate")
        panel.plot(*before, marker="s", markerfacecolor="white", color=VERMILLION, ls=":", label=RAW, **style)
    if len(x) and np.ptp(x) > NARROW * max(*x, *_column(raw, "probability")):
        fill_band(panel, x, np.stack([low, high]), GREY, BAND)
    elif len(x):  # probabilities almost alike: the bins stand above each other, and so do their bands
        panel.vlines(x.mean(), np.median(low), np.median(high), color=GREY, alpha=0.3, linewidth=6, label=BAND)
    panel.plot(x, rate, marker="o", color=BLUE, label=CALIBRATED, **style)
    chances = [row["probability"] for row in (*raw, *calibrated)]
    rates = [row["rate"] for row in (*raw, *calibrated)]
    panel.axline((0, 0), slope=1, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    panel.set(xlim=_limits(chances), ylim=_limits([*rates, *high]))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=3))
    calm(panel)


def _limits(values: list[float]) -> tuple[float, float]:
    """From 0, or a little below, to where the data end: a rare finding has all of them in one corner."""
    end = min(1.0, max(values, default=1.0)) or 1.0
    return -0.04 * end, 1.06 * end


def _column(rows: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([row[key] for row in rows], dtype=np.float64)  # null becomes NaN, which is not drawn
