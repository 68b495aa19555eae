"""What is said of one image, as DICOM out needs it: findings with probability, threshold, call, boxes; and by whom."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass

MARKING = "RESEARCH USE ONLY - NOT FOR DIAGNOSIS"
"""Burned into every capture and said in every report."""


@dataclass(frozen=True)
class BundleName:
    """Which networks answered. sha256: hexadecimal, of what stands for every file of the bundle."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class FindingAnswer:
    """One finding. probability, threshold: in [0, 1]; without a threshold there is no call.

    boxes: (x0, y0, x1, y1) in pixels of the source as it is stored, x1 and y1 exclusive; they are clipped to it.
    """

    name: str
    probability: float
    threshold: float | None = None
    called: bool | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    def __post_init__(self) -> None:
        for value in (self.probability, 0.0 if self.threshold is None else self.threshold):
            if not 0 <= value <= 1:  # also NaN
                raise ValueError(f"{self.name}: {value} is no probability or threshold; allowed is 0 to 1")
        if (self.threshold is None) != (self.called is None):
            raise ValueError(f"{self.name}: a call needs a threshold, and a threshold a call")
        if not all(math.isfinite(side) for box in self.boxes for side in box):
            raise ValueError(f"{self.name}: a box with a side that is no number")


@dataclass(frozen=True)
class ImageAnswers:
    """All findings of one image. notes: sentences about how it was read: without lungs, uncalibrated, members
    that disagree."""

    bundle: BundleName
    findings: tuple[FindingAnswer, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.findings:
            raise ValueError("an image without any finding asked of it has no report")

    @property
    def digest(self) -> str:
        """A hash of everything that is said: objects that say something else must have other UIDs (PS3.5, 9)."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
