"""The shape of a found lung mask in, one number out: is this a frontal chest X-ray with usable lungs?"""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class LungShape:
    """What is looked at, each 0 to 1."""

    area: float
    """Of the mask, as a fraction of the frame."""
    balance: float
    """Area of the smaller lung over that of the larger."""
    distance: float
    """Between the centres of the two lungs, side by side, as a fraction of the width."""
    level: float
    """Difference of the heights of their centres, as a fraction of the height."""
    middle_x: float
    """Distance of the centre of the box around both from the middle of the frame, as a fraction of the width."""
    middle_y: float
    """The same upwards or downwards, as a fraction of the height."""
    edge: float
    """Pixels of the frame's edge that the mask touches, as a fraction of the edge."""
    debris: float
    """Area found outside the two lungs, as a fraction of all that was found."""
    certainty: float
    """Mean probability inside the mask."""


# Each check is 0 at the first number and beyond, 1 at the second and beyond, straight in between. The second numbers
# hold for nearly all of 593 hand-made masks (Montgomery and Shenzhen).
CHECKS: dict[str, list[tuple[float, float]]] = {
    "area": [(0.04, 0.10), (0.75, 0.62)],
    "balance": [(0.15, 0.35)],
    "distance": [(0.12, 0.22)],
    "level": [(0.28, 0.18)],
    "middle_x": [(0.25, 0.15)],
    "middle_y": [(0.32, 0.22)],
    "edge": [(0.30, 0.15)],
    "debris": [(0.35, 0.15)],
    "certainty": [(0.55, 0.80)],
}


def quality_of(shape: LungShape) -> float:
    """Return the weakest of all checks, 0 (unusable) to 1."""
    return min(_ramp(getattr(shape, field.name), ends) for field in fields(LungShape) for ends in CHECKS[field.name])


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))
