"""The soft tissue a frontal chest X-ray shows: a `Geometry` in, an (H, W) float32 map of its depth in cm out."""

import numpy as np

from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import angle_y
from cxr.phantoms.anatomy.patient import SIDES, Anatomy
from cxr.phantoms.anatomy.vessels import hilum
from cxr.phantoms.canvas import Stroke, blur, clouds, draw_strokes, roundness, smooth_step

ARM_CM, BREAST_CM, PECTORAL_CM, TRACHEA_CM, AORTA_CM = 8.0, 3.0, 1.6, 1.7, 2.2
GAS_SHARE = 0.40  # of the body's depth, in a stomach full of gas
LUNG_SHARE = 0.72  # of the body's depth that a lung takes where it is deepest
TABLE_SIZE, TABLE_LOW, TABLE_HIGH = 1024, -0.5, 1.6


def draw_soft_tissue(geometry: Geometry) -> np.ndarray:
    """Centimetres of soft tissue (or air-free organ) along each ray, lungs not yet taken out, (H, W) float32."""
    anatomy, x, y = geometry.anatomy, geometry.x, geometry.y
    half, depth_cm = _trunk(anatomy, y)
    trunk = depth_cm * np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1)) ** np.float32(0.9)
    rng = np.random.default_rng(anatomy.seed + 2)
    uneven = 1 + 0.05 * clouds(rng, geometry.image_px, 5) + 0.02 * clouds(rng, geometry.image_px, 16)
    tissue_cm = trunk * uneven.astype(np.float32)
    tissue_cm += np.float32(PECTORAL_CM) * _pectorals(anatomy, x, y)
    if anatomy.breast:
        tissue_cm += np.float32(BREAST_CM * anatomy.breast) * _breasts(anatomy, x, y)
    tissue_cm *= 1 - np.float32(GAS_SHARE) * _gas(geometry)
    tissue_cm -= _airways(geometry)
    tissue_cm += np.float32(AORTA_CM) * _aorta(anatomy, x, y)
    return np.maximum(tissue_cm, _arms(geometry))


def _trunk(anatomy: Anatomy, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half width (chest units) and depth (cm) of neck, shoulders and trunk at height `y`, each (H, W) float32."""
    half, top = anatomy.thorax_half, anatomy.apex_y
    skin, trunk = top - anatomy.shoulder_rise, half + anatomy.body_margin
    outline = (
        (-0.5, 0.13, 0.55),
        (skin - 0.22, 0.115, 0.50),
        (skin - 0.09, 0.12, 0.52),
        (skin - 0.03, 0.19, 0.54),
        (skin + 0.01, 0.30, (0.5 + anatomy.shoulder_depth) / 2),
        (skin + 0.06, half + 0.11, anatomy.shoulder_depth),
        (skin + 0.15, half + 0.17, (0.7 + anatomy.shoulder_depth) / 2),
        (anatomy.armpit_y, max(half + 0.15, trunk + 0.02), 0.95),
        (anatomy.armpit_y + 0.10, trunk, 1.0),
        (max(anatomy.dome_y), trunk + 0.005, 1.02),
        (1.6, trunk + 0.06, 1.12),
    )
    knots_y, knots_half, knots_depth = zip(*outline, strict=True)
    heights = np.linspace(TABLE_LOW, TABLE_HIGH, TABLE_SIZE)
    kernel = np.full(41, 1 / 41)
    tables = (np.interp(heights, knots_y, knots) for knots in (knots_half, knots_depth))
    rounded = [np.convolve(np.pad(table, 20, mode="edge"), kernel, mode="valid") for table in tables]
    row = ((y - TABLE_LOW) * ((TABLE_SIZE - 1) / (TABLE_HIGH - TABLE_LOW))).astype(np.int32).clip(0, TABLE_SIZE - 1)
    return rounded[0].astype(np.float32)[row], (anatomy.body_depth * rounded[1]).astype(np.float32)[row]


def _pectorals(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The muscles over the upper chest, whose lower edge runs from the armpit to the breastbone, 0..1."""
    edge = anatomy.armpit_y + np.float32(0.35) * (anatomy.thorax_half - np.abs(x))
    return smooth_step(edge - y, 0.03) * smooth_step(np.abs(x) - 0.06, 0.1)


def _breasts(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two half balls over the lower lungs with a soft upper and a sharp lower edge, 0..1 and a little more."""
    low, radius = anatomy.dome_y[0] - 0.03 + 0.06 * anatomy.breast, 0.13 + 0.05 * anatomy.breast
    distance = np.hypot((np.abs(x) - np.float32(0.62 * anatomy.thorax_half)) / np.float32(1.05), y - (low - radius))
    return roundness(radius - distance, radius) * smooth_step(y - low + radius, 1.4 * radius)


def _gas(geometry: Geometry) -> np.ndarray:
    """Gas in the stomach, under the left dome, and in loops of bowel, 0..1."""
    anatomy, x, y = geometry.anatomy, geometry.x, geometry.y
    rng = np.random.default_rng(anatomy.seed + 3)
    radius = 0.03 + 0.05 * anatomy.stomach_gas
    level = y - (anatomy.dome_y[1] + 0.022 + 0.5 * radius)
    squeezed = np.hypot((x - np.float32(0.42 * anatomy.thorax_half)) / np.float32(1.7), level) / np.float32(radius)
    rough = squeezed * (1 + np.float32(0.25) * clouds(rng, x.shape[0], 14))
    gas = np.float32(anatomy.stomach_gas) * smooth_step(0.6 - rough, 0.5)
    if anatomy.bowel_gas:
        loops = smooth_step(clouds(rng, x.shape[0], 13) - np.float32(1.0), 1.0)
        loops *= smooth_step(-geometry.floor_gap - np.float32(0.06), 0.05) * np.float32(0.6 * anatomy.bowel_gas)
        gas = np.maximum(gas, loops)
    return gas


def _airways(geometry: Geometry) -> np.ndarray:
    """Centimetres of air in trachea and main bronchi."""
    anatomy = geometry.anatomy
    carina = np.array([0.006, anatomy.apex_y + 0.30 * (angle_y(anatomy, -1) - anatomy.apex_y)])
    strokes = [Stroke(np.stack([carina - (0, 0.015), hilum(anatomy, side)]), 0.02, 0.55) for side in SIDES]
    strokes.append(Stroke(np.array([(0.0, -0.4), (0.0, 0.02), carina]), 0.03, 1.0))
    return np.float32(TRACHEA_CM) * blur(draw_strokes(strokes, geometry.pose, geometry.image_px), 0.004)


def _aorta(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The descending aorta beside the spine, 0..1."""
    arch = anatomy.apex_y + 0.22 * (angle_y(anatomy, 1) - anatomy.apex_y)
    edge = np.float32(0.17 * anatomy.thorax_half * anatomy.mediastinum + 0.5 * anatomy.knob * anatomy.thorax_half)
    return smooth_step(edge - np.abs(x - edge / 3), 0.012) * smooth_step(y - arch, 0.05)


def _arms(geometry: Geometry) -> np.ndarray:
    """Centimetres of the upper arms, from the shoulders out of the picture."""
    anatomy = geometry.anatomy
    top, out = anatomy.apex_y, anatomy.thorax_half
    spread = anatomy.arm_spread
    arm = np.array(
        [
            (out + 0.06, top + 0.10),
            (out + 0.11, top + 0.14),
            (out + 0.17 + spread, top + 0.40),
            (out + 0.18 + 2 * spread, top + 1),
        ]
    )
    strokes = [Stroke(arm * np.array([side, 1.0]), 0.15, 1.0) for side in SIDES]
    return np.float32(ARM_CM) * blur(draw_strokes(strokes, geometry.pose, geometry.image_px), 0.03)
