"""Labels, probabilities and thresholds in; confusion counts, and every rate made of them with its draws, out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr.evaluation.estimates import Estimate, support_reasons
from cxr.evaluation.resamples import Resamples

Counts = Mapping[str, np.ndarray]
CELLS = ("tp", "fp", "tn", "fn")
RATES = (*("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1", "mcc", "prevalence", "predicted_prevalence"),)
"""Sensitivity is also called recall, ppv precision."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """What a threshold makes of N images and K findings; images with neither label nor threshold are in no cell."""

    cells: dict[str, np.ndarray]
    """`tp`, `fp`, `tn`, `fn`, each (N, K) bool."""

    @property
    def counts(self) -> dict[str, np.ndarray]:
        """Each cell's number of images, (K,) int."""
        return {cell: chosen.sum(axis=0) for cell, chosen in self.cells.items()}


def confuse(labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray) -> Confusion:
    """Sort the images into the four cells; a probability at the threshold is positive.

    Args:
        labels: (N, K) float64 of 1, 0, and NaN where unknown.
        probabilities: (N, K) float64.
        thresholds: (K,), or (N, K) where images have thresholds of their own (folds); NaN where there is none.
    """
    positive, negative = labels == 1, labels == 0
    usable = ~np.isnan(np.broadcast_to(thresholds, labels.shape))
    called = probabilities >= thresholds
    return Confusion(
        {
            "tp": positive & called,
            "fp": negative & called,
            "tn": negative & ~called & usable,
            "fn": positive & ~called & usable,
        }
    )


def rates_of(counts: Counts) -> dict[str, np.ndarray]:
    """Every rate of counts of any one shape, as float64; NaN where its denominator is 0.

    MCC is the correlation of label and decision (Matthews 1975); scikit-learn calls it 0 where a decision never or
    always falls, here it is not defined.
    """
    tp, fp, tn, fn = (np.asarray(counts[cell], dtype=np.float64) for cell in CELLS)
    total = tp + fp + tn + fn
    margins = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return {
        "sensitivity": _share(tp, tp + fn),
        "specificity": _share(tn, tn + fp),
        "ppv": _share(tp, tp + fp),
        "npv": _share(tn, tn + fn),
        "accuracy": _share(tp + tn, total),
        "f1": _share(2 * tp, 2 * tp + fp + fn),
        "mcc": _share(tp * tn - fp * fn, margins),
        "prevalence": _share(tp + fn, total),
        "predicted_prevalence": _share(tp + fp, total),
    }


def estimate_rates(confusion: Confusion, resamples: Resamples, name: str) -> dict[str, Estimate]:
    """Every rate of each finding with its draws; the thresholds are held fixed."""
    sums = _sums(confusion.cells, resamples)
    return _estimates(confusion.counts, sums, _reasons(confusion.cells, resamples, name), name)


def estimate_total(confusion: Confusion, resamples: Resamples, name: str) -> dict[str, Estimate]:
    """Every rate of all findings' decisions in one heap (micro), as estimates of one."""
    counts = {cell: count.sum(keepdims=True) for cell, count in confusion.counts.items()}
    by_image = {cell: chosen.sum(axis=1, keepdims=True) for cell, chosen in confusion.cells.items()}
    sums = _sums(by_image, resamples)
    reasons = _reasons({cell: chosen > 0 for cell, chosen in by_image.items()}, resamples, name)
    return _estimates(counts, sums, reasons, name)


def _sums(cells: Counts, resamples: Resamples) -> dict[str, np.ndarray]:
    """(B, K) sums of each of four (N, K) cells, multiplied out at once."""
    sums = resamples.sums(np.concatenate([cells[cell] for cell in CELLS], axis=1))
    return dict(zip(CELLS, np.split(sums, len(CELLS), axis=1), strict=True))


def _estimates(
    counts: Counts, sums: Counts, reasons: Mapping[str, tuple[str | None, ...]], name: str
) -> dict[str, Estimate]:
    values, draws = rates_of(counts), rates_of(sums)
    return {rate: Estimate(values[rate], draws[rate], reasons[rate]).without_constants(name) for rate in RATES}


def _reasons(cells: Counts, resamples: Resamples, name: str) -> dict[str, tuple[str | None, ...]]:
    """What each rate's denominator is made of, and whether enough patients have it."""
    kinds = {
        "positives": cells["tp"] | cells["fn"],
        "negatives": cells["tn"] | cells["fp"],
        "predicted_positives": cells["tp"] | cells["fp"],
        "predicted_negatives": cells["tn"] | cells["fn"],
    }
    kinds["labelled_images"] = kinds["positives"] | kinds["negatives"]
    kinds["positives,_real_or_predicted,"] = kinds["positives"] | cells["fp"]
    needed = {
        "sensitivity": ("positives",),
        "specificity": ("negatives",),
        "ppv": ("predicted_positives",),
        "npv": ("predicted_negatives",),
        "f1": ("positives,_real_or_predicted,",),
        "mcc": ("positives", "negatives", "predicted_positives", "predicted_negatives"),
    }
    return {
        rate: support_reasons(resamples, name, **{kind: kinds[kind] for kind in needed.get(rate, ("labelled_images",))})
        for rate in RATES
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
