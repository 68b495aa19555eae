"""boxes.csv of a prepared folder in, the true boxes of every image and finding out, in pixels of the original."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from cxr.config.errors import UserError
from cxr.datasets.manifest import read_table
from cxr.datasets.table import BOXES

Corners = tuple[float, float, float, float]
"""x0, y0, x1, y1."""


def read_true_boxes(path: Path) -> dict[tuple[str, str], list[Corners]]:
    """Return (image_id, finding) -> its boxes; nothing where the data set brings none.

    Raises UserError for a file whose sides are no numbers, or no boxes.
    """
    if not path.is_file():
        return {}
    table = read_table(path, BOXES)
    boxes = defaultdict(list)
    for line, (image_id, finding, *sides) in enumerate(table[BOXES].itertuples(index=False, name=None), 2):
        try:
            x, y, width, height = map(float, sides)
        except ValueError:
            x = y = width = height = np.nan
        if not (np.isfinite([x, y]).all() and 0 < width < np.inf and 0 < height < np.inf):
            raise UserError(f"{path}, line {line}: {', '.join(map(str, sides))} is no box; prepare the data again")
        boxes[image_id, finding].append((x, y, x + width, y + height))
    return dict(boxes)
