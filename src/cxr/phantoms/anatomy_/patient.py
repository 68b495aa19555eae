"""The chest of one patient: a random stream and the sex in; an `Anatomy`, its outlines and per-pixel geometry out.

All lengths are in chest units (see `canvas`). A side is -1 for the patient's right (left of the image) or +1 for the
left; outlines are given as |x|, the distance from the midline.
"""

from dataclasses import dataclass

import numpy as np

from cxr.phantoms.canvas import Pose, chest_grid, smooth_step

SIDES = (-1, 1)
DOME_ACROSS = 0.42  # where between midline and wall the diaphragm's dome is highest
EDGE_WIDTH = 0.008  # of a lung's soft outline
TABLE_SIZE, TABLE_LOW, TABLE_HIGH = 4096, -0.4, 1.4  # outlines are tabulated over this range of y


@dataclass(frozen=True)
class Anatomy:
    """What stays the same from image to image of a patient. Pairs are (patient's right, patient's left)."""

    thorax_half: float
    apex_y: float
    apex_x: float
    dome_y: tuple[float, float]
    angle_drop: tuple[float, float]  # how far the costophrenic angle lies below the dome
    mediastinum_half: float
    cardiothoracic_ratio: float
    heart_left_share: float  # of the heart's width, left of the midline
    heart_shift: float
    rib_drop: float
    rib_pitch: float
    body_margin: float  # thickness of the chest wall beside the lungs
    shoulder_rise: float  # of the shoulder's skin above the apex of the lung
    armpit_y: float
    breast: float  # 0: none
    stomach_gas: float
    seed: int  # vessels, ribs and texture are drawn from it


def draw_anatomy(rng: np.random.Generator, sex: str) -> Anatomy:
    """Draw the chest of a healthy patient; `sex` is "F" or "M"."""
    dome_right = rng.uniform(0.65, 0.72)
    return Anatomy(
        thorax_half=rng.uniform(0.325, 0.385) - (0.012 if sex == "F" else 0),
        apex_y=rng.uniform(0.085, 0.135),
        apex_x=rng.uniform(0.115, 0.145),
        dome_y=(dome_right, dome_right + rng.uniform(0.008, 0.035)),
        angle_drop=(rng.uniform(0.08, 0.13), rng.uniform(0.08, 0.13)),
        mediastinum_half=rng.uniform(0.058, 0.085),
        cardiothoracic_ratio=rng.uniform(0.40, 0.485),
        heart_left_share=rng.uniform(0.64, 0.72),
        heart_shift=0.0,
        rib_drop=rng.uniform(0.17, 0.25),
        rib_pitch=rng.uniform(0.062, 0.072),
        body_margin=rng.uniform(0.05, 0.14),
        shoulder_rise=rng.uniform(0.0, 0.08),
        armpit_y=rng.uniform(0.36, 0.56),
        breast=rng.uniform(0.3, 1.0) if sex == "F" else 0.0,
        stomach_gas=max(0.0, rng.uniform(-0.6, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def pick(pair: tuple[float, float], side: int) -> float:
    """The member of a (right, left) pair for `side`."""
    return pair[side > 0]


def angle_y(anatomy: Anatomy, side: int) -> float:
    """Height of the costophrenic angle, the lowest point of a lung."""
    return pick(anatomy.dome_y, side) + pick(anatomy.angle_drop, side)


def wall_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the inner chest wall at height `y`; negative above the apex, where there is no lung."""
    down = (y - anatomy.apex_y) / (angle_y(anatomy, side) - anatomy.apex_y)
    bulge = (1 - (1 - np.clip(down / 0.72, 0, 1)) ** 2.2) ** 0.62
    wall = anatomy.apex_x + (anatomy.thorax_half - anatomy.apex_x) * (bulge + 0.04 * np.clip(down - 0.6, 0, 1))
    return np.where(down < 0, -1.0, wall)


def heart_span(anatomy: Anatomy) -> tuple[float, float]:
    """Upper and lower end (y) of the heart's shadow; the lower one hides behind the diaphragm."""
    dome = anatomy.dome_y[1]
    return anatomy.apex_y + 0.34 * (dome - anatomy.apex_y), dome + 0.07


def thorax_width(anatomy: Anatomy) -> float:
    """Inner width of the chest at the level of the domes, the denominator of the cardiothoracic ratio."""
    return sum(float(wall_x(anatomy, side, np.float64(pick(anatomy.dome_y, side)))) for side in SIDES)


def heart_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the heart's border at height `y`: the apex of the heart points down and to the patient's left."""
    top, bottom = heart_span(anatomy)
    share = anatomy.heart_left_share if side > 0 else 1 - anatomy.heart_left_share
    width = anatomy.cardiothoracic_ratio * thorax_width(anatomy) * share + side * anatomy.heart_shift
    down = np.clip((y - top) / (bottom - top), 0, 1)
    return width * np.sin(np.pi * down ** (2.0 if side > 0 else 1.5)) ** (0.66 if side > 0 else 0.9)


def inner_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the lung's inner border at height `y`: great vessels above, heart below."""
    knob = 0.024 * np.exp(-(((y - anatomy.apex_y - 0.18) / 0.045) ** 2)) if side > 0 else 0.0
    vessels = anatomy.mediastinum_half - 0.012 * (side > 0) + knob + 0.03 * np.clip(y - anatomy.apex_y, 0, 0.6)
    below_apex = np.sqrt(np.clip((y - anatomy.apex_y) / 0.08, 0, 1))
    return np.maximum(anatomy.apex_x + (vessels - anatomy.apex_x) * below_apex, heart_x(anatomy, side, y))


def floor_y(anatomy: Anatomy, side: int, across: np.ndarray) -> np.ndarray:
    """Height of the diaphragm; `across` runs from 0 at the midline to 1 at the chest wall."""
    dome, drop = pick(anatomy.dome_y, side), pick(anatomy.angle_drop, side)
    lateral = np.clip((across - DOME_ACROSS) / (1 - DOME_ACROSS), 0, 1) ** 2.6
    medial = 0.3 * np.clip((DOME_ACROSS - across) / DOME_ACROSS, 0, 1) ** 2
    return dome + drop * (lateral + medial)


def lung_point(anatomy: Anatomy, side: int, across: float, down: float) -> tuple[float, float]:
    """Chest coordinates (x, y) of a place in a lung: `across` 0 heart .. 1 wall, `down` 0 apex .. 1 diaphragm."""
    y = anatomy.apex_y + down * (pick(anatomy.dome_y, side) - anatomy.apex_y)
    inner, wall = inner_x(anatomy, side, np.float64(y)), wall_x(anatomy, side, np.float64(y))
    return side * float(inner + across * (wall - inner)), y


@dataclass(frozen=True)
class Geometry:
    """Where every pixel lies in the chest: (H, W) float32 arrays, gaps in chest units and positive inside a lung."""

    anatomy: Anatomy
    pose: Pose
    x: np.ndarray
    y: np.ndarray
    wall_gap: np.ndarray
    inner_gap: np.ndarray
    floor_gap: np.ndarray
    heart_gap: np.ndarray  # negative inside the heart's shadow
    across: np.ndarray  # 0 midline .. 1 wall
    lungs: tuple[np.ndarray, np.ndarray]  # soft outlines 0..1: (patient's right, patient's left)

    @property
    def image_px(self) -> int:
        """Width and height of the image."""
        return self.x.shape[0]


def lay_out(anatomy: Anatomy, pose: Pose, image_px: int) -> Geometry:
    """Compute the geometry of a chest in a pose on an image of `image_px` squared."""
    x, y = chest_grid(pose, image_px)
    heights = np.linspace(TABLE_LOW, TABLE_HIGH, TABLE_SIZE)
    row = ((y - TABLE_LOW) * ((TABLE_SIZE - 1) / (TABLE_HIGH - TABLE_LOW))).astype(np.int32)
    row = np.clip(row, 0, TABLE_SIZE - 1) + TABLE_SIZE * (x > 0)

    def look_up(outline) -> np.ndarray:
        table = np.concatenate([outline(anatomy, side, heights) for side in SIDES]).astype(np.float32)
        return table[row]

    from_midline = np.abs(x)
    wall = look_up(wall_x)
    across = np.clip(from_midline / np.maximum(wall, anatomy.apex_x), 0, 1)
    steps = np.linspace(0, 1, 1024)
    floors = np.concatenate([floor_y(anatomy, side, steps) for side in SIDES]).astype(np.float32)
    floor_gap = floors[(across * 1023).astype(np.int32) + 1024 * (x > 0)] - y
    wall_gap, inner_gap = wall - from_midline, from_midline - look_up(inner_x)
    lung = smooth_step(np.minimum(np.minimum(wall_gap, inner_gap), floor_gap), EDGE_WIDTH)
    heart_gap = from_midline - look_up(heart_x)
    lungs = (lung * (x <= 0), lung * (x > 0))
    return Geometry(anatomy, pose, x, y, wall_gap, inner_gap, floor_gap, heart_gap, across, lungs)
