"""metrics.json in, the text of metrics.csv out: the test part, one row per finding and the mean over them."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from cxr.evaluation.confusion import CELLS, RATES

FINDING_KEYS = ("value", "low", "high", "positives", "negatives", "unknown", "uncertain", "patients_with")
"""Of AUROC; the first columns."""
DELONG = ("delong_low", "delong_high")
BOUNDS = ("", "_low", "_high")
SCORES = ("brier", "ece")


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """CSV text; an empty cell where there is no number.

    After AUROC (`value`, `low`, `high`), DeLong's bounds of it (which take images for independent) and the counts of
    labels come average precision, threshold, confusion counts
    and rates at the operating point, Brier score and ECE of calibrated and of raw probabilities, each of these numbers
    with `_low` and `_high`. The mean has neither threshold nor counts.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = ["average_precision", *RATES, *SCORES, *(f"{score}_raw" for score in SCORES)]
    bounds = [number + bound for number in numbers for bound in BOUNDS]
    writer.writerow(["finding", *FINDING_KEYS, *DELONG, "threshold", *CELLS, *bounds])
    for finding, entry in metrics["auroc"].items():
        at = metrics["operating_point"]["findings"].get(finding) or metrics["operating_point"]["mean"]
        calibration = metrics["calibration"]
        found = [
            metrics["average_precision"][finding],
            *(at[rate] for rate in RATES),
            *(calibration[kind][finding][score] for kind in ("calibrated", "raw") for score in SCORES),
        ]
        cells = [number[key] for number in found for key in ("value", "low", "high")]
        independent = [entry.get("delong", {}).get(key) for key in ("low", "high")]
        counts = [at.get(cell) for cell in ("threshold", *CELLS)]
        first = [entry.get(key) for key in FINDING_KEYS]
        writer.writerow([finding, *first, *independent, *counts, *cells])  # None: an empty cell
    return text.getvalue()
