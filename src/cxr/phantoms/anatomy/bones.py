"""The bones a frontal chest X-ray shows: a `Geometry` in, an (H, W) float32 map of attenuation out."""

import numpy as np

from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import wall_x
from cxr.phantoms.anatomy.patient import SIDES, Anatomy
from cxr.phantoms.canvas import Stroke, blur, draw_strokes, smooth_step

RIB_BACK, RIB_FRONT, GIRDLE, SPINE = 0.34, 0.24, 0.75, 0.45  # attenuation along the ray, as in `chest`
RIBS = 10
SPINE_HALF = 0.038
VERTEBRA = 0.062  # height of a vertebra with its disc


def draw_bones(geometry: Geometry) -> np.ndarray:
    """Attenuation of ribs, clavicles, shoulder blades, upper arms and spine, (H, W) float32."""
    anatomy, pose, image_px = geometry.anatomy, geometry.pose, geometry.image_px
    rng = np.random.default_rng(anatomy.seed + 1)
    back, front, girdle = [], [], []
    for side in SIDES:
        jitter = rng.normal(0, 0.003, RIBS)
        for rib in range(RIBS):
            back += _rib(anatomy, side, rib, jitter[rib], 0.0, 0.54)
            front += _rib(anatomy, side, rib, jitter[rib], 0.5, 0.80 - 0.012 * rib) if rib < RIBS - 3 else []
        girdle += _shoulder(anatomy, side, rng)
    bones = RIB_BACK * draw_strokes(back, pose, image_px) + RIB_FRONT * draw_strokes(front, pose, image_px)
    bones *= smooth_step(geometry.floor_gap + 0.03, 0.06) * np.float32(0.75) + np.float32(0.25)
    bones += GIRDLE * draw_strokes(girdle, pose, image_px)
    return np.float32(anatomy.bone_density) * (blur(bones, 0.0016) + _spine(geometry, rng))


def _rib(anatomy: Anatomy, side: int, rib: int, jitter: float, start: float, stop: float) -> list[Stroke]:
    """Part of one rib seen from the front; `start` and `stop`: 0 at the spine, 0.5 at the side, 1 at the breastbone."""
    turn = np.linspace(start, stop, 16) * np.pi
    drop = anatomy.rib_drop * (0.62 + 0.055 * rib)
    head = anatomy.apex_y - 0.01 + anatomy.rib_pitch * rib * (0.86 + 0.014 * rib) + jitter
    y = head + drop * ((1 - np.cos(turn)) / 2) ** 1.2 - (0.012 + 0.002 * rib) * np.sin(2 * turn)
    narrow = anatomy.thorax_half * (0.34 + 0.1 * np.sin(turn))
    wall = np.maximum(wall_x(anatomy, side, y), narrow) + 0.003
    points = np.stack([side * (0.025 + (wall - 0.025) * np.sin(turn) ** 0.8), y], axis=1)
    width = anatomy.rib_width * (1.0 if start == 0 else 1.15) * (0.85 + 0.02 * rib)
    # a rib is a tube: its cortex shows as two brighter edges
    return [Stroke(points, width, 1.0), Stroke(points, 0.55 * width, 0.7)]


def _shoulder(anatomy: Anatomy, side: int, rng: np.random.Generator) -> list[Stroke]:
    """Clavicle, edge of the shoulder blade and upper arm of one side."""
    top, half = anatomy.apex_y, anatomy.thorax_half
    lift, swing = rng.normal(0, 0.015), rng.uniform(-0.02, 0.05)
    mirror = np.array([side, 1.0])
    clavicle = np.array(
        [
            (0.03, top + 0.125),
            (0.09, top + 0.10),
            (0.16, top + 0.075),
            (0.24, top + 0.04 + lift / 2),
            (half + 0.01, top + 0.015 + lift),
            (half + 0.08, top + 0.02 + lift),
        ]
    )
    joint = np.array([half + 0.13, top + 0.05 + lift])
    blade = joint + np.array([(-0.02, 0.0), (-0.05 + swing, 0.10), (-0.085 + swing, 0.20), (-0.12 + swing, 0.28)])
    rim = joint + np.array([(-0.1, 0.01), (-0.12 + swing, 0.10), (-0.14 + swing, 0.2), (-0.12 + swing, 0.28)])
    spread = anatomy.arm_spread
    arm = joint + np.array([(0.0, 0.015), (0.03, 0.08), (0.045 + spread, 0.36), (0.05 + 2 * spread, 0.95)])
    scapula = np.concatenate([blade, rim[::-1]])
    return [
        Stroke(scapula * mirror, 0.05, 0.16),
        Stroke(blade * mirror, 0.014, 0.38),
        Stroke(rim * mirror, 0.007, 0.26),
        Stroke(arm * mirror, 0.052, 0.75),
        Stroke(arm[1:] * mirror, 0.026, 0.5),
        Stroke(arm[:1].repeat(2, 0) * mirror, 0.085, 0.6),
        Stroke(clavicle * mirror, 0.026, 0.72),
        Stroke(clavicle * mirror, 0.014, 0.48),
    ]


def _spine(geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """Vertebral bodies between their discs, and the processes behind them."""
    phase = (geometry.y + np.float32(rng.uniform(0, VERTEBRA))) * np.float32(2 * np.pi / VERTEBRA)
    bodies = 0.8 + 0.2 * np.clip(1.6 * np.sin(phase), -1, 1)
    from_middle = np.abs(geometry.x)
    trunk = smooth_step(SPINE_HALF * (1 + 0.35 * np.clip(geometry.y, 0, 1)) - from_middle, 0.014)
    process = smooth_step(0.012 - from_middle, 0.01) * (0.5 + 0.5 * np.clip(np.sin(phase + 2), 0, 1))
    return np.float32(SPINE) * (trunk * bodies + np.float32(0.3) * process)
