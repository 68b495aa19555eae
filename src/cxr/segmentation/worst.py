"""Measured masks in, a figure of the ten that agree least out: true outline, found outline, name and Dice."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cxr.images.geometry import resize

SHOWN, COLUMNS = 10, 5
TRUE_COLOUR, FOUND_COLOUR = "#00e5ff", "#ff9100"


def worst_figure(table: pd.DataFrame, images: Sequence[np.ndarray], truths: Sequence[np.ndarray],
                 masks: Sequence[np.ndarray]) -> Figure:  # fmt: skip
    """Draw the pairs of lowest Dice, lowest first.

    table: a row per pair with name, source and dice; images: (S, S) uint8; truths, masks: (H, W) bool, of one size.
    """
    chosen = np.argsort(table["dice"].to_numpy(), kind="stable")[:SHOWN]
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 2.75 * rows + 0.35), layout="constrained")
    figure.suptitle(f"Lowest Dice of {len(table)} pairs: true outline blue, found outline orange", fontsize=11)
    for place, row in enumerate(chosen, 1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        height, width = truths[row].shape
        axes.imshow(resize(images[row], height, width), cmap="gray", vmin=0, vmax=255)
        for mask, colour in ((truths[row], TRUE_COLOUR), (masks[row], FOUND_COLOUR)):
            if mask.any():
                axes.contour(mask, levels=[0.5], colors=colour, linewidths=1.0)
        axes.set_title(f"{table['name'].iloc[row]}\nDice {table['dice'].iloc[row]:.3f}", fontsize=8)
        axes.set_axis_off()
    return figure
