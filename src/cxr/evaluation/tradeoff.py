"""Validation and test of one finding in, the table behind the figure of threshold trade-offs out."""

import numpy as np
import pandas as pd

from cxr.evaluation.confusion import rates_of
from cxr.evaluation.cuts import cut

SHOWN = ("sensitivity", "specificity", "ppv", "f1")
MOST_ROWS = 200


def tradeoff_table(
    val_labels: np.ndarray, val_probabilities: np.ndarray, test_labels: np.ndarray, test_probabilities: np.ndarray
) -> pd.DataFrame:
    """Columns `threshold`, then `val_<rate>` and `test_<rate>` of SHOWN; falling thresholds, at most MOST_ROWS.

    The thresholds are those that part validation, evenly chosen by rank where there are more. NaN where a rate is not
    defined. No rows without validation.

    Args:
        val_labels: (N,) float64 of 1, 0, and NaN where unknown (left out).
        val_probabilities: (N,) float64, calibrated.
        test_labels: (M,) as on validation.
        test_probabilities: (M,) float64.
    """
    cuts = cut(val_labels, val_probabilities)
    rows = np.unique(np.linspace(0, len(cuts.tp) - 1, min(MOST_ROWS, len(cuts.tp))).round().astype(int))
    thresholds = cuts.thresholds[rows]
    table = {"threshold": thresholds}
    for name, labels, scores in (
        ("val", val_labels, val_probabilities),
        ("test", test_labels, test_probabilities),
    ):
        counts = {hit: _at_least(scores[labels == code], thresholds) for hit, code in (("tp", 1), ("fp", 0))}
        counts["fn"], counts["tn"] = (labels == 1).sum() - counts["tp"], (labels == 0).sum() - counts["fp"]
        rates = rates_of(counts)
        table |= {f"{name}_{rate}": rates[rate] for rate in SHOWN}
    return pd.DataFrame(table)


def _at_least(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(T,) how many scores are at or above each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")
