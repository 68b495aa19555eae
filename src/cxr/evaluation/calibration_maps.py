"""Raw probabilities and fitted maps in, calibrated probabilities out; `calibration_file` keeps the maps."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.special import expit, softmax

from cxr.config.evaluation import Calibrator
from cxr.config.model import Fraction, Model
from cxr.evaluation.logistic import CLIP, logit
from cxr.evaluation.predictions import Predictions

Slope = Annotated[float, Field(gt=0)]


class CalibrationMap(Model):
    """From one finding's raw probability to its calibrated one."""

    kind: Literal["platt", "temperature", "shared_temperature", "isotonic", "none"]
    """`none` leaves the probability as it is."""
    slope: Slope | None = None
    """Of the logit: platt, and temperature, where it is one over the temperature."""
    intercept: float | None = None
    """Added to the logit: platt."""
    x: list[Fraction] | None = None
    """Raw probabilities of the breakpoints, rising: isotonic; straight lines between, level outside."""
    y: list[Fraction] | None = None
    """Calibrated ones, never falling."""
    covariance: list[list[float]] | None = None
    """Of slope and intercept (temperature: of the slope), what other labels of validation would change: see `refits`;
    platt and temperature."""
    smoothed: bool = False
    """Whether labels were drawn in to Platt's targets because a threshold parts them without error."""
    positives: Annotated[int, Field(ge=0)]
    """Images of validation that the map was fitted to."""
    negatives: Annotated[int, Field(ge=0)]
    """The same."""
    reason: str | None = None
    """Why a finding stays uncalibrated."""

    @model_validator(mode="after")
    def _whole(self) -> "CalibrationMap":
        if self.kind == "isotonic":
            x, y = self.x or [], self.y or []
            if not x or len(x) != len(y) or sorted(set(x)) != x or sorted(y) != y:
                raise ValueError("isotonic needs as many y as x, x rising and y not falling")
        elif self.kind != "none" and (self.slope is None or (self.kind == "platt" and self.intercept is None)):
            raise ValueError(f"{self.kind} needs its slope{' and intercept' if self.kind == 'platt' else ''}")
        size = {"platt": 2, "temperature": 1}.get(self.kind, 0)
        if self.covariance is not None and [len(row) for row in self.covariance] != [size] * size:
            raise ValueError(f"a covariance of {self.kind} has {size} rows of {size}")
        return self


class Calibration(Model):
    """The maps of one group, all fitted to the same images."""

    method: Calibrator
    """What was asked for."""
    images: Annotated[int, Field(ge=0)]
    """Images of validation."""
    images_hash: str
    """SHA-256 of their sorted ids."""
    findings: dict[str, CalibrationMap]
    """Per finding, in order."""


def calibrated_probabilities(calibration: Calibration, predictions: Predictions) -> np.ndarray:
    """(N, K) float64 calibrated probabilities of raw predictions; ValueError when a finding has no map.

    Findings may be fewer than were fitted, except with a shared temperature, which needs all of them.
    """
    raw = predictions.probabilities
    missing = [finding for finding in predictions.findings if finding not in calibration.findings]
    if missing:
        raise ValueError(f"the calibration has no map for {missing[0]}")
    maps = [calibration.findings[finding] for finding in predictions.findings]
    if any(one.kind == "shared_temperature" for one in maps):
        if set(predictions.findings) != set(calibration.findings):
            raise ValueError("a shared temperature needs the probabilities of all findings")
        return softmax(np.log(np.clip(raw, CLIP, 1)) * maps[0].slope, axis=1)
    return np.stack([apply_map(one, raw[:, k]) for k, one in enumerate(maps)], axis=1)


def apply_map(one: CalibrationMap, raw: np.ndarray) -> np.ndarray:
    """(N,) calibrated from (N,) raw probabilities of one finding; not for a shared temperature."""
    if one.kind == "isotonic":
        return np.interp(raw, one.x, one.y)
    if one.kind in ("platt", "temperature"):
        return expit(one.slope * logit(raw) + (one.intercept or 0.0))
    return raw
