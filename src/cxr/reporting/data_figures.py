"""The description of a data set in, matplotlib figures out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cxr.config.findings import NO_FINDING
from cxr.reporting.panels import BLUE, GREEN, GREY, PURPLE, VERMILLION, calm
from cxr.reporting.wording import finding_text

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, "#E69F00", "#56B4E9", GREY)
MARKERS = "oDs^vP*"


def prevalence_figure(description: Mapping[str, Any]) -> Figure:
    """Share of positive images among those with a known label, per finding and part."""
    parts = description["parts"]
    findings = list(next(iter(parts.values()))["findings"])
    shares = {part: [_share(entry["findings"][finding]) for finding in findings] for part, entry in parts.items()}
    order = np.argsort(-np.nan_to_num(np.array(next(iter(shares.values())), float)), kind="stable")
    figure = Figure(figsize=(7.2, 0.3 * len(findings) + 1.3), layout="constrained")
    panel = figure.subplots()
    for number, (part, values) in enumerate(shares.items()):
        places = np.arange(len(findings)) + 0.12 * (number - (len(shares) - 1) / 2)
        style = {"marker": MARKERS[number % len(MARKERS)], "color": COLOURS[number % len(COLOURS)]}
        panel.plot(100 * np.array(values, float)[order], places, linestyle="", markersize=5, label=part, **style)
    panel.set_yticks(range(len(findings)), [finding_text(findings[k]) for k in order])
    panel.set_ylim(len(findings) - 0.4, -0.6)
    panel.set_xlim(left=0)
    panel.set_xlabel("Positive images among those with a known label, %", fontsize=9)
    panel.legend(fontsize=8, frameon=False, loc="lower right")
    calm(panel)
    return figure


def combinations_figure(description: Mapping[str, Any]) -> Figure:
    """The most frequent sets of findings."""
    rows = description["combinations"]
    names = [" + ".join(map(finding_text, row["findings"])) or NO_FINDING for row in rows]
    figure = Figure(figsize=(7.2, 0.28 * len(rows) + 0.9), layout="constrained")
    panel = figure.subplots()
    panel.barh(range(len(rows)), [row["images"] for row in rows], color=BLUE, height=0.7)
    panel.set_yticks(range(len(rows)), [name if len(name) < 60 else name[:57] + "..." for name in names])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel("Images with just these findings", fontsize=9)
    calm(panel)
    return figure


def cooccurrence_figure(description: Mapping[str, Any]) -> Figure:
    """Share of the images with the row's finding that have the column's finding too, in percent."""
    findings = list(next(iter(description["parts"].values()))["findings"])
    counts = np.array(description["cooccurrence"], float)
    own = np.diag(counts)[:, None]
    shares = np.divide(100 * counts, own, out=np.full_like(counts, np.nan), where=own > 0)
    side = 0.42 * len(findings) + 2.0
    figure = Figure(figsize=(side, side - 0.6), layout="constrained")
    panel = figure.subplots()
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=60)
    names = [finding_text(finding) for finding in findings]
    panel.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    panel.set_yticks(range(len(names)), names, fontsize=8)
    for row in range(len(names)):
        for column in range(len(names)):
            if row != column and np.isfinite(shares[row, column]):
                colour = "white" if shares[row, column] > 40 else "black"
                panel.text(
                    column, row, f"{shares[row, column]:.0f}", ha="center", va="center", fontsize=7, color=colour
                )
    panel.set_xlabel("... have this one too, %", fontsize=9)
    panel.set_ylabel("Of the images with this finding ...", fontsize=9)
    panel.spines[:].set_visible(False)
    return figure


def age_figure(description: Mapping[str, Any]) -> Figure:
    """Share of the images of each part in bands of ten years."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    panel = figure.subplots()
    for number, (part, entry) in enumerate(description["parts"].items()):
        bands = entry["age"]["bands"]
        total = sum(bands.values())
        if total:
            middles = [band + 5 for band in bands]
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            heights = [100 * count / total for count in bands.values()]
            panel.plot(middles, heights, color=colour, marker=marker, markersize=4, label=part)
    panel.set_xlabel("Age in years (bands of ten)", fontsize=9)
    panel.set_ylabel("Images, %", fontsize=9)
    panel.set_ylim(bottom=0)
    if panel.lines:
        panel.legend(fontsize=8, frameon=False)
    calm(panel)
    return figure


def _share(entry: Mapping[str, int]) -> float:
    known = entry["positive"] + entry["negative"]
    return entry["positive"] / known if known else float("nan")
