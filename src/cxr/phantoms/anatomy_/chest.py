"""The healthy chest: a `Geometry` in, an (H, W) float32 map of attenuation out: body, organs, bones, lung vessels."""

import numpy as np

from cxr.phantoms.anatomy import SIDES, Anatomy, Geometry, heart_span, lung_point
from cxr.phantoms.bones import draw_bones
from cxr.phantoms.canvas import Stroke, blur, clouds, draw_strokes, roundness, smooth_step

# attenuation of what the rays cross, in units of a chest wall and a half
CHEST_WALL, SHOULDER, ABDOMEN, MEDIASTINUM, HEART = 0.55, 0.55, 1.05, 0.50, 0.32
SPINE = 0.22
LUNG, VESSEL, HILUM, BREAST, TRACHEA, GAS = 0.09, 0.34, 0.22, 0.24, 0.16, 0.40
HEART_HIDDEN = 0.15  # of the heart's height, within the shadow of the great vessels
TRUNKS = 7  # vessels that leave a hilum


def attenuate(geometry: Geometry, clear: np.ndarray) -> np.ndarray:
    """Attenuation of the chest; `clear` (H, W) in [0, 1] tells how much of vessels and lung texture is missing."""
    lung = geometry.lungs[0] + geometry.lungs[1]
    tissue = _soft_tissue(geometry)
    vessels = blur(draw_strokes(_vessels(geometry.anatomy), geometry.pose, geometry.image_px), 0.0022)
    rng = np.random.default_rng(geometry.anatomy.seed)
    hila = sum(np.exp(-(_from_hilum(geometry, side) ** 2)) for side in SIDES)
    grain = 1 + 0.22 * clouds(rng, geometry.image_px, 48) + 0.25 * clouds(rng, geometry.image_px, 12)
    parenchyma = (LUNG * grain + VESSEL * vessels + HILUM * hila) * lung * (1 - clear)
    return tissue + parenchyma + draw_bones(geometry)


def _soft_tissue(geometry: Geometry) -> np.ndarray:
    """Chest wall, shoulders, abdomen, mediastinum, heart, airways and breasts."""
    anatomy, x, y = geometry.anatomy, geometry.x, geometry.y
    body = roundness(_body_half(anatomy, y) - np.abs(x), 0.16)
    lung = geometry.lungs[0] + geometry.lungs[1]
    behind_heart = smooth_step(-geometry.inner_gap, 0.03)  # there the diaphragm's edge is not seen
    under = smooth_step(-geometry.floor_gap, 0.012)
    under += behind_heart * (smooth_step(-geometry.floor_gap + 0.01, 0.09) - under)
    belly = under * (0.75 + 0.25 * np.clip(-geometry.floor_gap / 0.15, 0, 1))
    belly = (
        belly * smooth_step(geometry.wall_gap + 0.03, 0.14) * (1 - GAS * anatomy.stomach_gas * _bubble(anatomy, x, y))
    )
    curved = 1 - roundness(geometry.wall_gap, 0.10)  # rays along the curved wall cross more of it
    middle = roundness(-geometry.inner_gap, 0.06) * smooth_step(y - anatomy.apex_y + 0.02, 0.3)
    heart = roundness(-geometry.heart_gap, 0.14) * smooth_step(geometry.floor_gap + 0.03, 0.06)
    organs = np.maximum(ABDOMEN * belly, MEDIASTINUM * middle + HEART * heart)
    trunk = CHEST_WALL * (1 + 0.35 * (y - 0.5))  # the chest is deeper below
    tissue = trunk * body + SHOULDER * body * (1 - lung) * (1 - 0.5 * belly) + 0.25 * curved * lung
    tissue += organs * body
    tissue += SPINE * smooth_step(0.036 - np.abs(x), 0.03) * (0.8 + 0.2 * np.sin(y * (2 * np.pi / 0.055)))
    bifurcation = anatomy.apex_y + 0.24
    tissue -= TRACHEA * smooth_step(0.016 - np.abs(x - 0.004), 0.012) * smooth_step(bifurcation - y, 0.04)
    if anatomy.breast:
        tissue += BREAST * anatomy.breast * _breasts(anatomy, x, y)
    return tissue


def _body_half(anatomy: Anatomy, y: np.ndarray) -> np.ndarray:
    """Half width of neck, shoulders and trunk at height `y`, (H, W) float32."""
    trunk = anatomy.thorax_half + anatomy.body_margin
    top = anatomy.apex_y - anatomy.shoulder_rise
    knots_y = (
        -0.3,
        top - 0.16,
        top - 0.05,
        top,
        top + 0.06,
        top + 0.16,
        anatomy.armpit_y,
        anatomy.armpit_y + 0.12,
        1.3,
    )
    knots_x = (0.11, 0.115, 0.17, 0.30, 0.48, 0.60, 0.58, trunk, trunk + 0.03)
    heights = np.linspace(-0.3, 1.3, 512)
    table = np.interp(heights, knots_y, knots_x)
    table = np.convolve(np.pad(table, 20, mode="edge"), np.full(41, 1 / 41), mode="valid").astype(np.float32)
    return table[np.clip((y + 0.3) * (511 / 1.6), 0, 511).astype(np.int32)]


def _bubble(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gas in the stomach, under the left dome."""
    radius = 0.035 + 0.05 * anatomy.stomach_gas
    squeezed = np.hypot((x - 0.15) / 1.5, y - anatomy.dome_y[1] - 0.025 - 0.6 * radius)
    return smooth_step(radius * 0.6 - squeezed, 0.02)


def _breasts(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two discs over the lower lungs with a soft upper and a sharp lower edge."""
    low = anatomy.dome_y[0] - 0.02 + 0.07 * anatomy.breast
    distance = np.hypot((np.abs(x) - 0.62 * anatomy.thorax_half) / 1.05, (y - low + 0.17))
    return smooth_step(0.17 - distance, 0.015) * smooth_step(y - low + 0.14, 0.22)


def _vessels(anatomy: Anatomy) -> list[Stroke]:
    """Arteries and veins that fan out from both hila and branch, thin ones first."""
    rng = np.random.default_rng(anatomy.seed)
    strokes: list[Stroke] = []
    for side in SIDES:
        for angle in np.linspace(-1.3, 1.35, TRUNKS) + rng.normal(0, 0.15, TRUNKS):
            heading = np.pi / 2 * (1 - side) + side * angle  # 0 points away from the midline, positive downwards
            root = hilum(anatomy, side) + rng.normal(0, 0.008, 2)
            root[1] += 0.035 * angle
            strokes += _branch(rng, root, heading, rng.uniform(0.007, 0.014), 4)
    return sorted(strokes, key=lambda stroke: stroke.level)


def hilum(anatomy: Anatomy, side: int) -> np.ndarray:
    """Where vessels and bronchus enter a lung, (x, y); the left one lies higher."""
    return np.array(lung_point(anatomy, side, 0.05, 0.52 - 0.03 * side))


def _from_hilum(geometry: Geometry, side: int) -> np.ndarray:
    """Distance from the hilum in units of its size."""
    x, y = hilum(geometry.anatomy, side)
    return np.hypot((geometry.x - np.float32(x)) / 0.028, (geometry.y - np.float32(y)) / 0.055)


def _branch(rng: np.random.Generator, start: np.ndarray, heading: float, width: float, depth: int) -> list[Stroke]:
    """One vessel as short strokes that thin out, and its branches; `heading` in radians."""
    strokes, point = [], start
    for step in range(4):
        heading += rng.normal(0, 0.14)
        following = point + rng.uniform(0.022, 0.042) * np.array([np.cos(heading), np.sin(heading)])
        strokes.append(Stroke(np.stack([point, following]), width, min(1.0, 0.12 + 60 * width)))
        point, width = following, width * 0.84
        if depth > 1 and step in (1, 3):
            turn = rng.uniform(0.3, 0.8) * rng.choice((-1, 1))
            strokes += _branch(rng, point, heading + turn, width * 0.75, depth - 1)
    return strokes


def heart_shadow(geometry: Geometry) -> np.ndarray:
    """The visible outline of the heart, (H, W) float32 of 0 and 1: below the great vessels, above the diaphragm."""
    top, bottom = heart_span(geometry.anatomy)
    below_vessels = geometry.y > top + HEART_HIDDEN * (bottom - top)
    return ((geometry.heart_gap < 0) & below_vessels & (geometry.floor_gap > 0)).astype(np.float32)
