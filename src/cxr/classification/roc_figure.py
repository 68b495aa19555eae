"""Labels and probabilities of the val part in, a PNG with one ROC curve per finding out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from cxr.config.atomic import written_atomically
from cxr.evaluation.auroc import auroc

# Okabe and Ito 2008, told apart with every common colour vision deficiency; further findings get another line style.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":")


def write_roc(findings: Sequence[str], labels: np.ndarray, probabilities: np.ndarray, path: Path) -> None:
    """Draw all curves in one panel, highest AUROC first in its legend; findings without one come last.

    labels: (N, K) of 1, 0 and NaN where unknown. probabilities: (N, K).
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="#767676", linewidth=0.8, linestyle="--")
    areas = auroc(labels, probabilities)
    order = [k for k in np.argsort(-areas) if np.isfinite(areas[k])]
    lines = []
    for place, k in enumerate(order):
        known = ~np.isnan(labels[:, k])
        false_positive, true_positive, _ = roc_curve(labels[known, k], probabilities[known, k])
        style = {"color": COLOURS[place % len(COLOURS)], "ls": STYLES[place // len(COLOURS) % len(STYLES)]}
        name = findings[k].replace("_", " ")
        lines += panel.plot(false_positive, true_positive, linewidth=1.5, label=f"{name} {areas[k]:.3f}", **style)
    for k in sorted(set(range(len(findings))) - set(order)):
        lines += panel.plot([], [], color="none", label=f"{findings[k].replace('_', ' ')} (cannot be told)")
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    panel.set_xlabel("False positive rate (1 − specificity)", fontsize=9)
    panel.set_ylabel("True positive rate (sensitivity)", fontsize=9)
    panel.set_title(f"val part, {len(labels):,} images", fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
    beside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "frameon": False, "fontsize": 8, "title_fontsize": 8}
    panel.legend(handles=lines, title="AUROC", **beside)
    with written_atomically(path) as part:
        figure.savefig(part, dpi=120)
