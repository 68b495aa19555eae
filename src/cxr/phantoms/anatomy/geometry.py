"""Where every pixel lies in a chest: an `Anatomy` and a `Pose` in; gaps to all outlines and the depth of lung out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxr.phantoms.anatomy.outline import floor_y, heart_x, inner_x, wall_x
from cxr.phantoms.anatomy.patient import SIDES, Anatomy
from cxr.phantoms.canvas import Pose, chest_grid, roundness, smooth_step

EDGE_WIDTH = 0.008  # of a lung's soft outline
TABLE_SIZE, TABLE_LOW, TABLE_HIGH = 2048, -0.5, 1.6  # outlines are tabulated over this range of y
WALL_ROUND = 0.17  # over this distance from the wall a lung reaches its full depth
RECESS = 0.15  # how far below the domes the lungs reach at the back
BEHIND_HEART, BEHIND_DOME = 0.24, 0.34  # share of the lung's depth that lies behind heart and diaphragm


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
    depth: np.ndarray  # share 0..1 of the lungs' greatest depth that the ray crosses, also behind heart and diaphragm

    @property
    def image_px(self) -> int:
        """Width and height of the image."""
        return self.x.shape[0]


def lay_out(anatomy: Anatomy, pose: Pose, image_px: int) -> Geometry:
    """Compute the geometry of a chest in a pose on an image of `image_px` squared."""
    x, y = chest_grid(pose, image_px)
    x = x - np.float32(anatomy.spine_bend) * np.sin((y - np.float32(0.2)) * np.float32(7))
    heights = np.linspace(TABLE_LOW, TABLE_HIGH, TABLE_SIZE)
    row = ((y - TABLE_LOW) * ((TABLE_SIZE - 1) / (TABLE_HIGH - TABLE_LOW))).astype(np.int32)
    left = x > 0
    row = np.clip(row, 0, TABLE_SIZE - 1) + TABLE_SIZE * left

    def look_up(outline: Callable) -> np.ndarray:
        table = np.concatenate([outline(anatomy, side, heights) for side in SIDES]).astype(np.float32)
        return table[row]

    from_midline = np.abs(x)
    wall = look_up(wall_x)
    across = np.clip(from_midline / np.maximum(wall, np.float32(0.3 * anatomy.thorax_half)), 0, 1)
    steps = np.linspace(0, 1, 1024)
    floors = np.concatenate([floor_y(anatomy, side, steps) for side in SIDES]).astype(np.float32)
    floor_gap = floors[(across * 1023).astype(np.int32) + 1024 * left] - y
    wall_gap, inner_gap = wall - from_midline, from_midline - look_up(inner_x)
    lung = smooth_step(np.minimum(np.minimum(wall_gap, inner_gap), floor_gap), EDGE_WIDTH)
    depth = _lung_depth(x, wall_gap, inner_gap, floor_gap)
    heart_gap = from_midline - look_up(heart_x)
    lungs = (lung * (x <= 0), lung * left)
    return Geometry(anatomy, pose, x, y, wall_gap, inner_gap, floor_gap, heart_gap, across, lungs, depth)


def _lung_depth(x: np.ndarray, wall_gap: np.ndarray, inner_gap: np.ndarray, floor_gap: np.ndarray) -> np.ndarray:
    """Share of the greatest depth of lung along each ray: round at the wall, stepped at heart and diaphragm."""
    across = roundness(wall_gap, WALL_ROUND)
    beside = smooth_step(inner_gap, EDGE_WIDTH)
    behind = BEHIND_HEART * smooth_step(np.abs(x) - np.float32(0.05), 0.06)
    full = behind + (np.float32(0.82) - behind) * beside + 0.18 * smooth_step(inner_gap - 0.06, 0.12) * beside
    below = np.clip(-floor_gap / np.float32(RECESS), 0, 1)
    recess = BEHIND_DOME * (1 - below) ** 2
    return across * full * (recess + (1 - recess) * smooth_step(floor_gap, EDGE_WIDTH))
