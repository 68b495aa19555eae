"""A group's folder in; what tells its predictions and fits from those of another run out."""

from pathlib import Path

from cxr.config.record import hash_of_file
from cxr.evaluation.fitted import CALIBRATION, THRESHOLDS


def origin_of(folder: Path) -> dict[str, str]:
    """File -> SHA-256, of what results on other data or under other labels are made of."""
    return {name: hash_of_file(folder / name) for name in ("predictions.csv", CALIBRATION, THRESHOLDS)}
