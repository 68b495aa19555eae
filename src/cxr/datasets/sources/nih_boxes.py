"""NIH's BBox_List_2017.csv in, boxes as shares of their images out, whatever the size of the files."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.config.errors import UserError
from cxr.config.findings import NIH14
from cxr.datasets.sources.cells import read_cells
from cxr.datasets.table import BOXES

GRID_PX = 1024
"""NIH gives corner and size in pixels of a 1024 x 1024 image."""
NAMES = {"Infiltrate": "Infiltration"}
ID, FINDING, SIDES = "Image Index", "Finding Label", ("Bbox [x", "y", "w", "h]")


def read_boxes(path: Path) -> pd.DataFrame:
    """Return a row per box: BOXES columns, corner and size as shares of the image's width and height.

    Raises UserError naming the row for an unknown finding, a side that is no number, or a box outside the image.
    """
    table, flaws = read_cells(path, (ID, FINDING, *SIDES), commas_in_header=True)
    if (flaws != "").any():
        row = int(np.argmax(flaws != ""))
        raise UserError(f"{path}: row {row + 1} {flaws.iloc[row]}")
    findings = table[FINDING].str.strip().replace(NAMES)
    sides = table[list(SIDES)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64) / GRID_PX
    inside = (sides[:, :2] >= 0).all(axis=1) & (sides[:, 2:] > 0).all(axis=1)
    inside &= (sides[:, :2] + sides[:, 2:] <= 1 + 1e-6).all(axis=1)
    for wrong, what in (
        (~findings.isin(NIH14).to_numpy(), "has an unknown finding"),
        (~inside, "is no box of the image"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            found = ", ".join(table[[FINDING, *SIDES]].iloc[row])
            raise UserError(
                f"{path}: row {row + 1} {what}: {found}; allowed are the 14 findings and x, y, w, h in pixels of a "
                f"{GRID_PX} x {GRID_PX} image, all of the box within it"
            )
    ids = pd.DataFrame({"image_id": table[ID].str.strip(), "finding": findings})
    return pd.concat([ids, pd.DataFrame(sides, columns=BOXES[2:])], axis=1)
