"""The content of compare.json in; its files, its figure and its lines for the terminal out."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxr.config.atomic import write_json, write_text
from cxr.evaluation.comparison import comparison_table
from cxr.reporting.embedding import save_figure
from cxr.reporting.figures import BLUE, GREY, VERMILLION, calm
from cxr.reporting.wording import counted, finding_text, p_text, sample_text, value_text

NUMBERS = {"auroc": "AUROC", "average_precision": "average precision"}
MOST_COLUMNS = 4


def write_comparison(folder: Path, comparison: Mapping[str, Any], stem: str = "compare") -> None:
    """Write `<stem>.csv`, `<stem>.png` and, last, `<stem>.json` into the folder."""
    write_text(folder / f"{stem}.csv", comparison_table(comparison))
    save_figure(folder / f"{stem}.png", difference_figure(comparison))
    write_json(folder / f"{stem}.json", comparison)


def difference_figure(comparison: Mapping[str, Any], columns: int = MOST_COLUMNS) -> Figure:
    """A panel per run: its AUROC minus the reference's, per finding and in the mean, each with its interval."""
    runs = comparison["differences"]
    columns = min(len(runs), columns)
    rows = -(-len(runs) // columns)
    height = rows * (0.26 * len(comparison["findings"]) + 1.3) + 0.5
    figure = Figure(figsize=(2.2 + 2.6 * columns, height), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, (run, of_run) in zip(panels, runs.items(), strict=False):
        _draw(panel, of_run["auroc"], comparison["findings"])
        panel.set_title(fill(f"{run} − {comparison['reference']}", 26 if len(runs) > 1 else 60), fontsize=9)
    for panel in panels[len(runs) :]:
        panel.remove()
    level = f"{100 * comparison['intervals']['level']:g}\N{NO-BREAK SPACE}%"
    lines = [f"Difference of AUROC, {level} interval over patients", sample_text(comparison)]
    width = 26 * (columns + 1)
    told = [*(fill(line, width) for line in lines), fill("filled: p < 0.05, adjusted by Holm", width)]
    figure.supxlabel("\n".join(told), fontsize=9)
    return figure


def _draw(panel: Axes, entries: Mapping[str, Any], findings: list[str]) -> None:
    places = {finding: row for row, finding in enumerate(findings)} | {"mean": len(findings) + 0.4}
    for finding, row in places.items():
        entry, colour = entries[finding], VERMILLION if finding == "mean" else BLUE
        if entry["low"] is not None:
            panel.plot([entry["low"], entry["high"]], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
        if entry["value"] is not None:
            face = colour if entry.get("p_holm") is not None and entry["p_holm"] < 0.05 else "white"
            panel.plot(entry["value"], row, "D" if finding == "mean" else "o", color=colour, markerfacecolor=face)
    panel.axvline(0, color=GREY, linewidth=0.9, linestyle="--")
    panel.set_yticks(list(places.values()), [*(finding_text(finding) for finding in findings), "Mean"])
    panel.set_ylim(len(findings) + 1.1, -0.7)
    calm(panel)


def comparison_lines(comparison: Mapping[str, Any]) -> list[str]:
    """Return what was compared, the runs' means, then per run a table: a row per finding, the mean last."""
    reference = comparison["reference"]
    sample = f"{counted(comparison['images'], 'image')} of {counted(comparison['patients'], 'patient')}"
    lines = [
        f"{sample_text(comparison)}, {sample}, hash {comparison['images_hash'][:12]}; differences are to {reference}"
    ]
    if comparison["left_out"]:
        lines.append(f"not in all runs and left out: {', '.join(comparison['left_out'])}")
    for run, values in comparison["values"].items():
        means = ", ".join(f"{text} {_with_bounds(values[number]['mean'])}" for number, text in NUMBERS.items())
        lines.append(f"{run}: mean {means}")
    width = max(len("finding"), *(len(finding) for finding in comparison["findings"]))
    for run, of_run in comparison["differences"].items():
        lines.append(f"{run} - {reference}:")
        head = f"{'AUROC':<25} {'p':>7} {'p Holm':>7} {'DeLong*':>7}  {'average precision':<25} {'p Holm':>7}"
        lines.append(f"  {'finding':<{width}}  {head}")
        for finding in [*comparison["findings"], "mean"]:
            area, precision = of_run["auroc"][finding], of_run["average_precision"][finding]
            areas = f"{_signed(area):<25} {_p(area, 'p')} {_p(area, 'p_holm')} {_p(area, 'p_delong_holm')}"
            lines.append(f"  {finding:<{width}}  {areas}  {_signed(precision):<25} {_p(precision, 'p_holm')}")
    lines.append(f"p: two-sided, bootstrap over patients; Holm: {comparison['adjustment'].partition(', ')[2]}")
    lines.append(f"* DeLong's p, adjusted likewise, {comparison['delong']}")
    return lines


def _with_bounds(entry: Mapping[str, Any]) -> str:
    bounds = f" ({entry['low']:.3f}-{entry['high']:.3f})" if entry["low"] is not None else ""
    return value_text(entry["value"]) + bounds


def _signed(entry: Mapping[str, Any]) -> str:
    if entry["value"] is None:
        return "none"
    bounds = f" ({entry['low']:+.3f} to {entry['high']:+.3f})" if entry["low"] is not None else ""
    return f"{entry['value']:+.3f}{bounds}"


def _p(entry: Mapping[str, Any], key: str) -> str:
    return f"{p_text(entry.get(key)).replace('–', '-'):>7}"
