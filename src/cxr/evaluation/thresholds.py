"""Calibrated validation predictions in, a threshold per finding with what it was chosen from out."""

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from cxr.config.evaluation import Calibrator, OperatingPoint
from cxr.config.model import Fraction, Model
from cxr.config.record import hash_of_ids
from cxr.evaluation.operating_points import choose_threshold
from cxr.evaluation.predictions import Predictions

Count = Annotated[int, Field(ge=0)]


class Threshold(Model):
    """Where one finding is cut."""

    threshold: Fraction | None
    """On the calibrated probability; at it is positive."""
    positives: Count
    """Images of validation that it was chosen from."""
    negatives: Count
    """The same."""
    reason: str | None = None
    """Why there is none."""

    @model_validator(mode="after")
    def _reasoned(self) -> "Threshold":
        if (self.threshold is None) != (self.reason is not None):
            raise ValueError("either a threshold or the reason why there is none")
        return self


class Thresholds(Model):
    """The thresholds of one group, all chosen from the same images."""

    operating_point: OperatingPoint
    """The rule."""
    calibration: Calibrator
    """How the probabilities were calibrated that they cut."""
    images: Count
    """Images of validation."""
    images_hash: str
    """SHA-256 of their sorted ids."""
    findings: dict[str, Threshold]
    """Per finding, in order."""

    def array(self, findings: tuple[str, ...]) -> np.ndarray:
        """(K,) float64 thresholds of these findings, NaN where there is none."""
        values = [self.findings[finding].threshold for finding in findings]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def fit_thresholds(
    val: Predictions, calibrated: np.ndarray, rule: OperatingPoint, calibration: Calibrator
) -> Thresholds:
    """Choose each finding's threshold from the validation part; unknown and uncertain labels are left out.

    Args:
        val: its predictions, for labels and names.
        calibrated: (N, K) float64 calibrated probabilities of the same images.
        rule: which threshold.
        calibration: how they were calibrated, for the record.
    """
    found = {}
    for k, finding in enumerate(val.findings):
        labels = val.labels[:, k]
        threshold, reason = choose_threshold(labels, calibrated[:, k], rule)
        counts = {"positives": int((labels == 1).sum()), "negatives": int((labels == 0).sum())}
        reason = None if reason is None else f"{reason} in val"
        found[finding] = Threshold(threshold=threshold, reason=reason, **counts)
    return Thresholds(
        operating_point=rule,
        calibration=calibration,
        images=len(val.image_ids),
        images_hash=hash_of_ids(val.image_ids),
        findings=found,
    )
