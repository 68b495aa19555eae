"""A number of findings in, a figure with one small panel each out; the colours and the calm of all figures."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito 2008: told apart with every common colour vision deficiency, and in grey by their lightness.
BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676"
PANEL_INCHES = 2.05


def panel_grid(count: int, columns: int, shared: bool = False, legend: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure and its `count` square panels, `columns` beside each other; `shared` axes are labelled at the edges.

    legend: leave room above for one of the whole figure.
    """
    columns = min(columns, count)
    rows = ceil(count / columns)
    height = (PANEL_INCHES + 0.4) * rows + (0.8 if legend else 0.5)
    figure = Figure(figsize=(PANEL_INCHES * columns + 0.3, height), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).ravel()
    for place, panel in enumerate(panels):
        if place >= count:
            panel.remove()
        elif place >= count - columns:  # the lowest panel of its column
            panel.tick_params(labelbottom=True)
    return figure, list(panels[:count])


def label_axes(figure: Figure, x: str, y: str) -> None:
    """Write what all panels have on their axes, once."""
    figure.supxlabel(x, fontsize=9)
    figure.supylabel(y, fontsize=9)


def add_legend(figure: Figure, panel: Axes, columns: int) -> None:
    """One legend above all panels, of the lines of one."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, fontsize=8, frameon=False)


def fill_band(panel: Axes, x: np.ndarray, band: np.ndarray, colour: str, label: str | None = None) -> None:
    """Shade (2, M) low and high over (M,) x."""
    panel.fill_between(x, band[0], band[1], color=colour, alpha=0.18, linewidth=0, label=label)


def calm(panel: Axes) -> None:
    """Take away what is not data."""
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
    panel.grid(color="#e6e6e6", linewidth=0.6)
    panel.set_axisbelow(True)
