"""The outlines of a chest: an `Anatomy` and heights in; |x|, the distance from the midline, out.

`down` is 0 at the apex of a lung and 1 at its costophrenic angle. The typical outlines below are rounded medians of
hand-made lung outlines of adults (Montgomery County and Shenzhen sets: Jaeger et al., QIMS 2014;4(6):475-477).
"""

from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from cxr.phantoms.anatomy.patient import SIDES, Anatomy

DOME_ACROSS = 0.45  # where between midline and wall the diaphragm's dome is highest
WALL_DOWN = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0, 1.3)
WALL = (0.33, 0.48, 0.575, 0.68, 0.81, 0.876, 0.928, 0.956, 0.98, 1.0, 1.005, 1.0)  # of `thorax_half`
INNER_DOWN = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.28, 0.32, 0.37, 0.45, 0.6, 1.0, 1.3)
INNER_RIGHT = (0.33, 0.22, 0.17, 0.135, 0.13, 0.13, 0.135, 0.14, 0.15, 0.16, 0.175, 0.17, 0.16, 0.16)
INNER_LEFT = (0.33, 0.22, 0.17, 0.14, 0.145, 0.165, 0.19, 0.195, 0.20, 0.22, 0.21, 0.18, 0.16, 0.16)


@cache
def _curve(down: tuple[float, ...], value: tuple[float, ...]) -> PchipInterpolator:
    """A smooth curve through knots."""
    return PchipInterpolator(down, value)


def pick(pair: tuple[float, float], side: int) -> float:
    """The member of a (right, left) pair for `side`."""
    return pair[side > 0]


def angle_y(anatomy: Anatomy, side: int) -> float:
    """Height of the costophrenic angle, the lowest point of a lung."""
    return pick(anatomy.dome_y, side) + pick(anatomy.angle_drop, side)


def down_at(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """Height `y` as a share of the lung: 0 apex .. 1 costophrenic angle."""
    return (y - anatomy.apex_y) / (angle_y(anatomy, side) - anatomy.apex_y)


def wall_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the inner chest wall at height `y`; negative above the apex, where there is no lung."""
    down = down_at(anatomy, side, y)
    inside = np.clip(down, 0, 1.3)
    bend = anatomy.wall_bend[0] * np.sin(np.pi * inside) + anatomy.wall_bend[1] * np.sin(2 * np.pi * inside)
    return np.where(down < 0, -1.0, anatomy.thorax_half * _curve(WALL_DOWN, WALL)(inside) * (1 + bend))


def thorax_width(anatomy: Anatomy) -> float:
    """Inner width of the chest at the level of the domes, the denominator of the cardiothoracic ratio."""
    return sum(float(wall_x(anatomy, side, np.float64(pick(anatomy.dome_y, side)))) for side in SIDES)


def heart_span(anatomy: Anatomy) -> tuple[float, float]:
    """Upper and lower end (y) of the heart's shadow; the lower one hides behind the diaphragm."""
    middle = min(anatomy.dome_y) - 0.36 * anatomy.heart_height
    return middle - anatomy.heart_height, middle + anatomy.heart_height


def heart_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the heart's border at height `y`, half an ellipse on each side; negative outside."""
    top, bottom = heart_span(anatomy)
    level = (2 * y - top - bottom) / (bottom - top)
    half = anatomy.cardiothoracic_ratio * thorax_width(anatomy) / 2
    lean = anatomy.heart_lean if side > 0 else 0.0
    reach = np.sqrt((1 - lean**2) * np.clip(1 - level**2, 0, 1))
    border = half * (reach + lean * level) + side * anatomy.heart_shift * anatomy.thorax_half
    return np.where(np.abs(level) < 1, border, -1.0)


def inner_x(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """|x| of the lung's inner border at height `y`: great vessels above, heart below."""
    down = np.clip(down_at(anatomy, side, y), 0, 1.3)
    vessels = _curve(INNER_DOWN, INNER_LEFT if side > 0 else INNER_RIGHT)(down)
    widened = vessels * (1 + (anatomy.mediastinum - 1) * np.clip(down / 0.1, 0, 1))  # not the apex
    if side > 0:
        widened = widened + anatomy.knob * np.exp(-(((down - 0.25) / 0.055) ** 2))
    return _smooth_max(anatomy.thorax_half * widened, heart_x(anatomy, side, y), 0.018)


def _smooth_max(first: np.ndarray, second: np.ndarray, radius: float) -> np.ndarray:
    """The larger of two, with the corner filled by about `radius`."""
    near = np.clip(0.5 + (first - second) / (4 * radius), 0, 1)
    return second + (first - second) * near + 2 * radius * near * (1 - near)


def floor_y(anatomy: Anatomy, side: int, across: np.ndarray) -> np.ndarray:
    """Height of the diaphragm; `across` runs from 0 at the midline to 1 at the chest wall."""
    dome, drop = pick(anatomy.dome_y, side), pick(anatomy.angle_drop, side)
    lateral = np.clip((across - DOME_ACROSS) / (1 - DOME_ACROSS), 0, 1) ** 2.2
    medial = 0.3 * np.clip((DOME_ACROSS - across) / DOME_ACROSS, 0, 1) ** 2
    return dome + drop * (lateral + medial)


def lung_point(anatomy: Anatomy, side: int, across: float, down: float) -> tuple[float, float]:
    """Chest coordinates (x, y) of a place in a lung: `across` 0 heart .. 1 wall, `down` 0 apex .. 1 diaphragm."""
    y = anatomy.apex_y + down * (pick(anatomy.dome_y, side) - anatomy.apex_y)
    inner, wall = inner_x(anatomy, side, np.float64(y)), wall_x(anatomy, side, np.float64(y))
    return side * float(inner + across * (wall - inner)), y
