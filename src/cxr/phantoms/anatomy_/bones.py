"""The bones a frontal chest X-ray shows: a `Geometry` in, an (H, W) float32 map of attenuation out."""

import numpy as np

from cxr.phantoms.anatomy import SIDES, Anatomy, Geometry, wall_x
from cxr.phantoms.canvas import Stroke, blur, draw_strokes, smooth_step

RIB_BACK, RIB_FRONT, GIRDLE = 0.19, 0.12, 0.28  # attenuation, in the units of `chest`
RIBS = 10
RIB_WIDTH = 0.018


def draw_bones(geometry: Geometry) -> np.ndarray:
    """Attenuation of ribs, clavicles, shoulder blades and upper arms, (H, W) float32."""
    anatomy, pose, image_px = geometry.anatomy, geometry.pose, geometry.image_px
    back, front, girdle = [], [], []
    for side in SIDES:
        for rib in range(RIBS):
            back += _rib(anatomy, side, rib, 0.0, 0.56)
            front += _rib(anatomy, side, rib, 0.5, 0.80 - 0.012 * rib) if rib < RIBS - 2 else []
        girdle += _shoulder(anatomy, side)
    bones = RIB_BACK * draw_strokes(back, pose, image_px) + RIB_FRONT * draw_strokes(front, pose, image_px)
    seen = 0.45 + 0.55 * smooth_step(geometry.inner_gap, 0.03)  # less so through heart and spine
    bones = bones * seen * smooth_step(geometry.floor_gap + 0.06, 0.1)
    return blur(bones + GIRDLE * draw_strokes(girdle, pose, image_px), 0.0018)


def _rib(anatomy: Anatomy, side: int, rib: int, start: float, stop: float) -> list[Stroke]:
    """Part of one rib seen from the front; `start` and `stop`: 0 at the spine, 0.5 at the side, 1 at the breastbone."""
    turn = np.linspace(start, stop, 14) * np.pi
    drop = anatomy.rib_drop * (0.55 + 0.06 * rib)
    y = anatomy.apex_y - 0.035 + anatomy.rib_pitch * rib + drop * ((1 - np.cos(turn)) / 2) ** 1.25
    y = y - 0.016 * np.sin(2 * turn)
    wall = np.maximum(wall_x(anatomy, side, y), anatomy.apex_x * (0.55 + 0.25 * np.sin(turn))) + 0.004
    points = np.stack([side * (0.03 + (wall - 0.03) * np.sin(turn) ** 0.85), y], axis=1)
    # a rib is a tube: its cortex shows as two brighter edges
    return [Stroke(points, RIB_WIDTH, 1.0), Stroke(points, 0.55 * RIB_WIDTH, 0.72)]


def _shoulder(anatomy: Anatomy, side: int) -> list[Stroke]:
    """Clavicle, edge of the shoulder blade and upper arm of one side."""
    top, half = anatomy.apex_y, anatomy.thorax_half
    clavicle = np.array(
        [(0.035, top + 0.10), (0.11, top + 0.075), (0.2, top + 0.045), (0.30, top + 0.005), (0.37, top)]
    )
    blade = np.array(
        [(0.40, top + 0.07), (half + 0.02, top + 0.14), (half - 0.005, top + 0.26), (half - 0.05, top + 0.36)]
    )
    arm = np.array([(0.45, top + 0.06), (0.50, top + 0.20), (0.54, top + 0.40)])
    mirror = np.array([side, 1.0])
    return [
        Stroke(arm * mirror, 0.075, 0.55),
        Stroke(blade * mirror, 0.016, 0.35),
        Stroke(clavicle * mirror, 0.024, 0.8),
        Stroke(clavicle * mirror, 0.012, 0.55),
    ]
