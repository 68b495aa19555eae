"""metrics.json in, the reliability diagrams out: raw against calibrated, with what chance alone would show."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr.evaluation.metrics import findings_of
from cxr.reporting.panels import BLUE, GREY, VERMILLION, add_legend, calm, fill_band, label_axes, panel_grid
from cxr.reporting.wording import finding_text

RAW, CALIBRATED, BAND = "raw", "calibrated, with interval", "band of a calibrated forecaster"


def reliability_figure(metrics: Mapping[str, Any], columns: int = 4) -> Figure:
    """One panel per finding: observed rate against mean probability of each bin, on axes of its own."""
    findings = findings_of(metrics)
    figure, panels = panel_grid(len(findings), columns, legend=True)
    fullest = panels[0]
    for panel, finding in zip(panels, findings, strict=True):
        raw, calibrated = (metrics["calibration"][kind][finding] for kind in ("raw", "calibrated"))
        _draw(panel, raw["bins"], calibrated["bins"])
        text = f"ECE {raw['ece']['value']:.3f} → {calibrated['ece']['value']:.3f}" if raw["bins"] else "no labels"
        panel.set_title(f"{finding_text(finding)}\n{text}", fontsize=9)
        if len(panel.get_legend_handles_labels()[1]) > len(fullest.get_legend_handles_labels()[1]):
            fullest = panel
    label_axes(figure, "Mean probability of a bin", "Share of positive images in it")
    add_legend(figure, fullest, columns=3 if columns > 2 else 1)
    return figure


def _draw(panel: Axes, raw: list[dict[str, Any]], calibrated: list[dict[str, Any]]) -> None:
    if calibrated:
        x, rate, low, high = (_column(calibrated, key) for key in ("probability", "rate", "low", "high"))
        band = np.stack([_column(calibrated, "band_low"), _column(calibrated, "band_high")])
        if len(x) > 1:
            fill_band(panel, x, band, GREY, BAND)
        else:
            panel.vlines(x, *band, color=GREY, alpha=0.3, linewidth=6, label=BAND)
        panel.vlines(x, low, high, color=BLUE, linewidth=1)
        style = {"markersize": 4, "linewidth": 1.2}
        panel.plot(x, rate, marker="o", color=BLUE, label=CALIBRATED, **style)
        panel.plot(
            _column(raw, "probability"), _column(raw, "rate"),
            marker="s", markerfacecolor="white", color=VERMILLION, ls=":", label=RAW, **style,
        )  # fmt: skip
    ends = [row[key] for row in (*raw, *calibrated) for key in ("probability", "rate")]
    ends += [row[key] for row in calibrated for key in ("band_high", "high") if row[key] is not None]
    end = min(1.0, 1.06 * max(ends, default=1.0)) or 1.0
    panel.plot([0, end], [0, end], color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    panel.set(xlim=(-0.02 * end, 1.02 * end), ylim=(-0.02 * end, 1.02 * end), aspect="equal")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=3))
    calm(panel)


def _column(rows: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([row[key] for row in rows], dtype=np.float64)  # null becomes NaN, which is not drawn
