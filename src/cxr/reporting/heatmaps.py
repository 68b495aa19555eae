"""gradcam/index.csv in, the overlays worth showing out: per finding, highest-scored first, within a size allowance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from cxr.config.errors import UserError
from cxr.evaluation.columns import LABEL_TEXTS
from cxr.evaluation.predictions import Predictions
from cxr.reporting.embedding import picture_uri

INDEX_COLUMNS = ("image_id", "finding", "probability", "label", "file")
LABEL_WORDS = {1.0: "labelled positive", 0.0: "labelled negative", -1.0: "label uncertain"}
WIDTH_PX = 480
PER_FINDING = 4


@dataclass(frozen=True)
class Heatmap:
    """One overlay picture: where the group saw one finding in one image."""

    image_id: str
    finding: str
    probability: float
    label: str
    """In words."""
    part: str
    """Of the split."""
    path: Path


def read_heatmaps(folder: Path, predictions: Predictions) -> list[Heatmap] | None:
    """Read `index.csv` of `folder`, in its order; None when there is none.

    Raises UserError for missing columns, cells that are no probability or label, pictures outside the folder or
    missing, and images or findings that the run's predictions do not hold: those overlays are of another run.
    """
    index = folder / "index.csv"
    if not index.exists():
        return None
    try:
        table = pd.read_csv(index, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise UserError(f"{index}: is not a CSV table ({error}).") from error
    for column in INDEX_COLUMNS:
        if column not in table:
            raise UserError(f"{index}: lacks column '{column}'; needed are {', '.join(INDEX_COLUMNS)}.")
    parts = dict(zip(predictions.image_ids.tolist(), predictions.splits.tolist(), strict=True))
    if "calibrated" in table:  # what the picture itself says
        table["probability"] = table["calibrated"].where(table["calibrated"] != "", table["probability"])
    cells = zip(*(table[column] for column in INDEX_COLUMNS), strict=True)
    return [_heatmap(index, line, row, parts, predictions.findings) for line, row in enumerate(cells, start=2)]


def embed_heatmaps(heatmaps: Sequence[Heatmap], allowance: int) -> dict[str, list[tuple[Heatmap, str]]]:
    """Return finding -> [(heatmap, JPEG data URI)], at most PER_FINDING each and `allowance` characters in all.

    The best of every finding comes before the second of any, so that a small allowance still shows all findings.
    """
    by_finding: dict[str, list[Heatmap]] = {}
    for heatmap in heatmaps:
        by_finding.setdefault(heatmap.finding, []).append(heatmap)
    shown: dict[str, list[tuple[Heatmap, str]]] = {finding: [] for finding in by_finding}
    for rank in zip_longest(*(chosen[:PER_FINDING] for chosen in by_finding.values())):
        for heatmap in filter(None, rank):
            uri = picture_uri(heatmap.path, WIDTH_PX)
            allowance -= len(uri)
            if allowance < 0:
                return shown
            shown[heatmap.finding].append((heatmap, uri))
    return shown


def _heatmap(index: Path, line: int, row: tuple[str, ...], parts: dict[str, str], findings: tuple[str, ...]) -> Heatmap:
    image_id, finding, probability, label, file = row
    if image_id not in parts or finding not in findings:
        raise UserError(f"{index}, line {line}: '{finding}' of image '{image_id}' is not in predictions.csv.")
    path = index.parent / file
    if not file or Path(file).name != file or not path.is_file():
        raise UserError(
            f"{index}, line {line}: file '{file}' is not a picture in {index.parent}; make the heatmaps again."
        )
    try:
        score, code = float(probability), LABEL_TEXTS[label]
    except (ValueError, KeyError):
        raise UserError(
            f"{index}, line {line}: probability '{probability}' and label '{label}'; allowed are a number and 1, 0, -1 "
            "or empty."
        ) from None
    return Heatmap(image_id, finding, score, LABEL_WORDS.get(code, "label unknown"), parts[image_id], path)
