"""The files of a run in, the figures of its report out: saved as PNG, and as data URIs."""

from collections.abc import Callable

from matplotlib.figure import Figure

from cxr.reporting.comparison import difference_figure
from cxr.reporting.curve_figures import curves_of, precision_recall_figure, roc_figure
from cxr.reporting.elsewhere import Elsewhere, compared
from cxr.reporting.embedding import figure_uri
from cxr.reporting.figures import forest_figure, loss_figure
from cxr.reporting.reliability_figure import reliability_figure
from cxr.reporting.run_files import RunFiles
from cxr.reporting.tradeoff_figure import tradeoff_figure, tradeoff_tables

MOST_COMPARED = 8
WIDE, NARROW = 4, 2
"""Panels beside each other, on a screen or paper and on a telephone."""


def draw_figures(run: RunFiles, elsewhere: Elsewhere) -> dict[str, str]:
    """Save `figures/*.png` and return name -> PNG data URI; "<name>-narrow" is the same figure for a telephone.

    Figures of comparisons lie beside these already; of the first MOST_COMPARED they are on the page too.
    """
    uris = {}
    for name, content in list(compared(elsewhere))[:MOST_COMPARED]:
        uris[name] = figure_uri(difference_figure(content))
        uris[f"{name}-narrow"] = figure_uri(difference_figure(content, 1))
    for name, draw in _figures(run).items():
        uris[name] = figure_uri(draw(True), run.folder / "figures" / f"{name}.png")
        uris[f"{name}-narrow"] = figure_uri(draw(False))
    return uris


def _figures(run: RunFiles) -> dict[str, Callable[[bool], Figure]]:
    """Name -> what draws it, wide or narrow; figures that have nothing to show are not in it."""
    metrics = run.metrics
    curves, tables = curves_of(run.predictions, metrics), tradeoff_tables(run.predictions, run.fitted)
    thresholds = {finding: one["threshold"] for finding, one in metrics["operating_point"]["findings"].items()}
    best = {member["name"]: member["best_epoch"] for member in run.record["members"]}

    def columns(wide: bool) -> int:
        return WIDE if wide else NARROW

    figures: dict[str, Callable[[bool], Figure]] = {
        "forest": lambda wide: forest_figure(metrics, with_numbers=wide),
        "roc": lambda wide: roc_figure(curves, metrics, columns(wide)),
        "precision-recall": lambda wide: precision_recall_figure(curves, metrics, columns(wide)),
        "reliability": lambda wide: reliability_figure(metrics, columns(wide)),
    }
    if tables:
        figures["tradeoff"] = lambda wide: tradeoff_figure(tables, thresholds, columns(wide))
    if run.histories:
        figures["training"] = lambda wide: loss_figure(run.histories, best, 2 if wide else 1)
    return figures
