"""Predictions of one split part, calibrated, with thresholds, in; its block of metrics.json, and its estimates, out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.evaluation.calibration_quality import measure_calibration
from cxr.evaluation.discrimination import describe_ranking, estimate_micro, estimate_ranking
from cxr.evaluation.estimates import Estimate
from cxr.evaluation.operation import measure_operation
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.refits import AppliedMaps
from cxr.evaluation.resamples import Resamples

HALF = 0.5


@dataclass(frozen=True, eq=False)
class Part:
    """What is measured together: N >= 0 images of one split part."""

    name: str
    """For the reasons: "test", "val", "test of fold 0"."""
    predictions: Predictions
    """Raw."""
    calibrated: np.ndarray
    """(N, K) float64 probabilities."""
    thresholds: np.ndarray
    """(N, K) float64 on the calibrated ones; NaN where there is none."""
    missing: tuple[str | None, ...]
    """K reasons for having no threshold."""
    applied: AppliedMaps | None = None
    """What calibrated these images; None where it was fitted to them, or nothing was."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A block of metrics.json, and what it was made of."""

    block: dict[str, Any]
    estimates: dict[str, Estimate]
    """`auroc`, `average_precision` (raw), the rates at the operating point, the scores of the calibrated ones."""


def measure_part(part: Part, resamples: Resamples, bins: int, level: float) -> Measured:
    """Measure everything; see README, "Evaluation", for what the keys mean.

    The block has `images`, `patients`, `auroc`, `average_precision`, `summary`, `calibration` ("raw", "calibrated"),
    `operating_point` (calibrated, at the chosen thresholds) and `at_half` (raw, at 0.5: what taking the network's
    output as it is would give). Each number is {"value", "low", "high" (null where there is none, with a "reason"),
    "resamples_left_out"}.
    """
    rows, name = part.predictions, part.name
    ranking = estimate_ranking(rows, resamples, name)
    micro = estimate_micro(rows, resamples, name)
    calibration, scores = {}, {}
    kinds = (("raw", rows.probabilities, None), ("calibrated", part.calibrated, part.applied))
    for kind, probabilities, applied in kinds:
        calibration[kind], scores[kind] = measure_calibration(
            rows.labels, probabilities, rows.findings, resamples, bins, name, level, applied
        )
    common = (rows.findings, part.missing, resamples, name, level)
    operation, rates = measure_operation(rows.labels, part.calibrated, part.thresholds, *common)
    half = np.full(rows.probabilities.shape, HALF)
    at_half, _ = measure_operation(rows.labels, rows.probabilities, half, *common)
    block = {
        "images": len(rows.image_ids),
        "patients": resamples.patients,
        **describe_ranking(rows, ranking, micro, name, level),
        "calibration": calibration,
        "operating_point": operation,
        "at_half": at_half,
    }
    return Measured(block, ranking | rates | scores["calibrated"])
