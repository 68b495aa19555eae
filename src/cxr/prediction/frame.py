"""Paths and a bundle in, a pandas.DataFrame of its answers out: what `./cxr predict` writes, in memory."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cxr.prediction.answers import answer_items
from cxr.prediction.bundle import Bundle, read_bundle
from cxr.prediction.inputs import find_items
from cxr.prediction.opened import choose_precision, open_bundle
from cxr.prediction.results import CHUNK_IMAGES
from cxr.prediction.rows import columns_of, record_of, row_of


def predict_frame(
    paths: str | Path | Iterable[str | Path],
    bundle: str | Path | Bundle,
    engine: str = "auto",
    precision: str = "f32",
    force: bool = False,
) -> pd.DataFrame:
    """Return a row for every image, in the columns of predictions.csv; those rejected have only status and reason.

    paths: images, folders, or CSVs with a column of paths. Raises UserError as `read_bundle`, `open_bundle` and
    `find_items`.
    """
    bundle = bundle if isinstance(bundle, Bundle) else read_bundle(Path(bundle))
    items = find_items([Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)])
    opened = open_bundle(bundle, engine, choose_precision(bundle, precision, engine))
    rows = []
    for start in range(0, len(items), CHUNK_IMAGES):
        answers = answer_items(bundle, opened, items[start : start + CHUNK_IMAGES], force)
        rows += [row_of(record_of(bundle, answer), bundle.findings) for answer in answers]
    return pd.DataFrame(rows, columns=columns_of(bundle.findings))
