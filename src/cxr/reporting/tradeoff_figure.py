"""Predictions and their fits in, the figure of what every threshold would give out, validation beside test."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr.evaluation.fitted import Fitted
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.tradeoff import SHOWN, tradeoff_table
from cxr.reporting.panels import BLUE, GREEN, GREY, PURPLE, VERMILLION, add_legend, calm, label_axes, panel_grid
from cxr.reporting.wording import finding_text

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE)
WORDS = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "f1": "F1"}


def tradeoff_tables(predictions: Predictions, fitted: Fitted) -> dict[str, pd.DataFrame]:
    """Finding -> its table (`evaluation.tradeoff`); {} with cross-validation, where each fold has its thresholds, and
    without validation."""
    val, test = predictions.part("val"), predictions.part("test")
    if set(fitted.calibration.fits) != {""} or len(val.image_ids) == 0:
        return {}
    of_val, of_test = fitted.apply(val)[0], fitted.apply(test)[0]
    return {
        finding: tradeoff_table(val.labels[:, k], of_val[:, k], test.labels[:, k], of_test[:, k])
        for k, finding in enumerate(predictions.findings)
    }


def tradeoff_figure(
    tables: Mapping[str, pd.DataFrame], thresholds: Mapping[str, float | None], columns: int = 4
) -> Figure:
    """One panel per finding, rates of test in full and of validation dotted; the threshold is a dashed line."""
    figure, panels = panel_grid(len(tables), columns, legend=True)
    for panel, (finding, table) in zip(panels, tables.items(), strict=True):
        for rate, colour in zip(SHOWN, COLOURS, strict=True):
            panel.plot(table["threshold"], table[f"test_{rate}"], color=colour, linewidth=1.4, label=WORDS[rate])
            panel.plot(table["threshold"], table[f"val_{rate}"], color=colour, linewidth=0.9, linestyle=":")
        if thresholds[finding] is not None:
            panel.axvline(thresholds[finding], color=GREY, linewidth=1, linestyle="--")
        panel.set_title(finding_text(finding), fontsize=9)
        _frame(panel, table["threshold"].to_numpy(), thresholds[finding])
    label_axes(figure, "Threshold on the calibrated probability", "Rate")
    add_legend(figure, panels[0], columns=4 if columns > 2 else 2)
    return figure


def _frame(panel: Axes, thresholds: np.ndarray, chosen: float | None) -> None:
    """Probabilities of a finding may all lie in one corner of 0 to 1: each panel shows where its thresholds are."""
    shown = [*thresholds[thresholds > 0].tolist(), *([] if chosen is None else [chosen])]  # 0 only calls all positive
    start, end = (min(shown), max(shown)) if shown else (0.0, 1.0)
    margin = 0.03 * (end - start) or 0.01
    panel.set(xlim=(max(0.0, start - margin), min(1.0, end + margin)), ylim=(-0.02, 1.02), yticks=[0, 0.5, 1])
    panel.xaxis.set_major_locator(MaxNLocator(nbins=3))
    calm(panel)
