"""Curves and metrics in; ROC and precision-recall figures, banded, with the operating point marked, out."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxr.evaluation.curve_bands import GRID, Curve, draw_curves
from cxr.evaluation.metrics import findings_of
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples
from cxr.reporting.panels import BLUE, GREY, VERMILLION, calm, fill_band, label_axes, panel_grid
from cxr.reporting.wording import finding_text, result_text

BAND_RESAMPLES = 400
"""Enough for the eye; numbers come from metrics.json."""


def curves_of(predictions: Predictions, metrics: Mapping[str, Any]) -> list[Curve | None]:
    """The measured part's curves, one per finding, from the first resamples of those behind the numbers."""
    part, intervals = predictions.part(metrics["split"]["part"]), metrics["intervals"]
    count = min(BAND_RESAMPLES, intervals["resamples"])
    resamples = Resamples.of(part.patient_ids, count, intervals.get("seed", 0))
    return draw_curves(part.labels, part.probabilities, resamples, intervals["level"])


def roc_figure(curves: Sequence[Curve | None], metrics: Mapping[str, Any], columns: int = 4) -> Figure:
    """One ROC panel per finding, AUROC and interval in its title; `columns` panels beside each other."""
    figure, panels = panel_grid(len(curves), columns, shared=True)
    for panel, curve, finding in zip(panels, curves, findings_of(metrics), strict=True):
        panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
        if curve is not None:
            if curve.sensitivity_band is not None:
                fill_band(panel, GRID, curve.sensitivity_band, BLUE)
            panel.plot(curve.false_positive_rate, curve.sensitivity, color=BLUE, linewidth=1.6)
            at = metrics["operating_point"]["findings"][finding]
            specificity = at["specificity"]["value"]
            _mark(panel, None if specificity is None else 1 - specificity, at["sensitivity"]["value"])
        _finish(panel, finding, metrics["auroc"][finding])
    label_axes(figure, "False positive rate (1 − specificity)", "True positive rate (sensitivity)")
    return figure


def precision_recall_figure(curves: Sequence[Curve | None], metrics: Mapping[str, Any], columns: int = 4) -> Figure:
    """One precision-recall panel per finding; the dashed line is its prevalence, which chance reaches."""
    figure, panels = panel_grid(len(curves), columns, shared=True)
    for panel, curve, finding in zip(panels, curves, findings_of(metrics), strict=True):
        if curve is not None:
            panel.axhline(curve.prevalence, color=GREY, linewidth=0.8, linestyle="--")
            if curve.precision_band is not None:
                fill_band(panel, GRID, curve.precision_band, BLUE)
            panel.plot(curve.sensitivity, curve.precision, color=BLUE, linewidth=1.6, drawstyle="steps-pre")
            at = metrics["operating_point"]["findings"][finding]
            _mark(panel, at["sensitivity"]["value"], at["ppv"]["value"])
        _finish(panel, finding, metrics["average_precision"][finding])
    label_axes(figure, "Recall (sensitivity)", "Precision (PPV)")
    return figure


def _mark(panel: Axes, x: float | None, y: float | None) -> None:
    if x is not None and y is not None:
        panel.plot(x, y, marker="o", markersize=6, color=VERMILLION, markeredgecolor="white", zorder=3, clip_on=False)


def _finish(panel: Axes, finding: str, entry: Mapping[str, Any]) -> None:
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    panel.set_title(f"{finding_text(finding)}\n{result_text(entry)}", fontsize=9)
    calm(panel)
