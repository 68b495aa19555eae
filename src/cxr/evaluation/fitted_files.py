"""What calibration.json and thresholds.json hold; apart from what fits them, which loads optimisers."""

from pydantic import Field

from cxr.config.model import Model
from cxr.evaluation.calibration_maps import Calibration
from cxr.evaluation.thresholds import Thresholds

CALIBRATION, THRESHOLDS = "calibration.json", "thresholds.json"


class SplitName(Model):
    """The split that a fit belongs to."""

    name: str
    """As in run.json."""
    hash: str
    """As in run.json."""


class CalibrationFile(Model):
    """calibration.json."""

    split: SplitName
    """Whose validation part was fitted."""
    fits: dict[str, Calibration] = Field(min_length=1)
    """By fold; "" where there are none."""


class ThresholdsFile(Model):
    """thresholds.json."""

    split: SplitName
    """Whose validation part was fitted."""
    fits: dict[str, Thresholds] = Field(min_length=1)
    """By fold; "" where there are none."""
