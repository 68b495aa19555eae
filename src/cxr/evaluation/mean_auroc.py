"""Predictions of one part in, the mean of its findings' AUROCs with its interval out: the headline of a model."""

from typing import Any

from cxr.evaluation.discrimination import estimate_ranking
from cxr.evaluation.predictions import Predictions
from cxr.evaluation.resamples import Resamples

LEVEL = 0.95


def mean_auroc(part: Predictions, name: str, resamples: int, seed: int, level: float = LEVEL) -> dict[str, Any]:
    """Return {"value", "low", "high", "resamples_left_out", "findings"}, and a "reason" where there is no value.

    name: of the part, for the reason. resamples: of the patients; seed: of these.
    """
    areas = estimate_ranking(part, Resamples.of(part.patient_ids, resamples, seed), name)["auroc"]
    return areas.entries(part.findings, level, f"no finding has positives and negatives in {name}")["mean"]
