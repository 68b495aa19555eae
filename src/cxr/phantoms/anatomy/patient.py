"""The chest of one patient: a random stream, sex and age in; an `Anatomy` out.

All lengths are in chest units (see `canvas`). A side is -1 for the patient's right (left of the image) or +1 for the
left.
"""

from dataclasses import dataclass

import numpy as np

SIDES = (-1, 1)
LOWEST_ANGLE = 0.93  # in a chest of the nominal frame


@dataclass(frozen=True)
class Anatomy:
    """What stays the same from image to image of a patient. Pairs are (patient's right, patient's left)."""

    thorax_half: float  # inner half width of the chest where it is widest
    apex_y: float
    wall_bend: tuple[float, float]  # how the walls differ from the typical ones: two waves
    dome_y: tuple[float, float]
    angle_drop: tuple[float, float]  # how far the costophrenic angle lies below the dome
    mediastinum: float  # width of the great vessels, 1 typical
    knob: float  # how far the aortic arch stands out
    cardiothoracic_ratio: float
    heart_shift: float  # of its middle, to the patient's left, as a share of the chest's half width
    heart_lean: float  # 0 upright .. 0.6 lying on the diaphragm
    heart_height: float
    spine_bend: float
    rib_drop: float
    rib_pitch: float
    rib_width: float
    body_margin: float  # thickness of the chest wall beside the lungs
    body_depth: float  # from front to back, in centimetres
    shoulder_rise: float  # of the shoulder's skin above the apex of the lung
    armpit_y: float
    arm_spread: float
    breast: float  # 0: none
    shoulder_depth: float  # of the body's depth
    stomach_gas: float
    bowel_gas: float
    bone_density: float
    seed: int  # vessels, ribs and texture are drawn from it


def draw_anatomy(rng: np.random.Generator, sex: str, age: int = 50) -> Anatomy:
    """Draw the chest of a healthy patient; `sex` is "F" or "M", `age` in years."""
    female, old = sex == "F", np.clip((age - 30) / 50, 0, 1)
    height = rng.uniform(0.58, 0.76)
    half = np.clip(height * rng.normal(0.505, 0.06), 0.28, 0.41) - 0.01 * female
    apex_y, dome = rng.uniform(0.09, 0.15), rng.uniform(0.765, 0.83)
    dome_left = dome + rng.uniform(-0.005, 0.045)
    bottoms = height * rng.uniform(0.97, 1.0, 2)
    breadth = rng.random()  # slim or stout
    return Anatomy(
        thorax_half=float(half),
        apex_y=apex_y,
        wall_bend=tuple(rng.normal(0, (0.02, 0.012))),
        dome_y=(apex_y + height * dome, apex_y + height * dome_left),
        angle_drop=(float(bottoms[0] - height * dome), float(bottoms[1] - height * dome_left)),
        mediastinum=rng.uniform(0.75, 1.15) + 0.15 * old,
        knob=rng.uniform(0.0, 0.05) + 0.07 * old * rng.random(),
        cardiothoracic_ratio=rng.uniform(0.385, 0.47) + 0.02 * old,
        heart_shift=rng.uniform(0.10, 0.19),
        heart_lean=rng.uniform(0.2, 0.5),
        heart_height=height * rng.uniform(0.25, 0.31),
        spine_bend=rng.normal(0, 0.006),
        rib_drop=rng.uniform(0.13, 0.24),
        rib_pitch=height * rng.uniform(0.088, 0.1),
        rib_width=rng.uniform(0.018, 0.024) - 0.002 * female,
        body_margin=0.035 + 0.13 * breadth + rng.uniform(0, 0.03),
        body_depth=19 + 7 * breadth + rng.uniform(-1, 1) - female,
        shoulder_rise=rng.uniform(0.0, 0.07),
        armpit_y=apex_y + height * rng.uniform(0.32, 0.62),
        arm_spread=rng.uniform(-0.02, 0.16),
        breast=rng.uniform(0.2, 1.0) * (0.6 + 0.6 * breadth) if female else 0.0,
        shoulder_depth=rng.uniform(0.5, 0.85),
        stomach_gas=max(0.0, rng.uniform(-0.4, 1.0)),
        bowel_gas=max(0.0, rng.uniform(-0.6, 1.0)),
        bone_density=rng.uniform(0.8, 1.2) - 0.3 * old,
        seed=int(rng.integers(2**31)),
    )
