"""Tubes, wires and ports that lie on or in some patients: a random stream and a `Geometry` in, attenuation out."""

import numpy as np

from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import wall_x
from cxr.phantoms.anatomy.patient import Anatomy
from cxr.phantoms.canvas import Stroke, blur, draw_strokes

DEVICE = 1.1  # attenuation along the ray, as in `chest`; metal is drawn at level 1, plastic lower
SHARES = {"AP": (0.55, 0.40, 0.25, 0.20, 0.04, 0.03), "PA": (0.02, 0.04, 0.0, 0.01, 0.05, 0.02)}
"""View -> share of images with leads, venous line, breathing tube, stomach tube, port, pacemaker."""


def draw_devices(rng: np.random.Generator, geometry: Geometry, view: str) -> np.ndarray | None:
    """Attenuation of an image's devices, (H, W) float32, or None when there are none. They tell nothing of findings."""
    strokes: list[Stroke] = []
    drawers = (_leads, _venous_line, _breathing_tube, _stomach_tube, _port, _pacemaker)
    for draw, share, chance in zip(drawers, SHARES[view], rng.random(len(drawers)), strict=True):
        if chance < share:
            strokes += draw(rng, geometry.anatomy)
    if not strokes:
        return None
    layer = draw_strokes(strokes, geometry.pose, geometry.image_px)
    return np.float32(DEVICE) * blur(layer, 0.0014)


def _curve(points: list[tuple[float, float]], steps: int = 24) -> np.ndarray:
    """A smooth (steps, 2) line from the first to the last point, drawn towards those between (Bezier)."""
    line = np.array(points, float)[:, None, :] * np.ones((1, steps, 1))
    share = np.linspace(0, 1, steps)[None, :, None]
    while len(line) > 1:
        line = line[:-1] * (1 - share) + line[1:] * share
    return line[0]


def _leads(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """Electrodes on the skin and their wires."""
    strokes = []
    for _ in range(rng.integers(2, 5)):
        x, y = rng.uniform(-1, 1) * anatomy.thorax_half, anatomy.apex_y + rng.uniform(0.05, 0.6)
        out = (np.sign(x) * rng.uniform(0.2, 0.7), rng.choice((-0.1, 1.1)))
        wire = _curve([(x, y), (x + rng.normal(0, 0.12), y + rng.normal(0, 0.12)), (rng.normal(0, 0.3), y), out])
        strokes += [Stroke(wire, 0.004, 0.4), Stroke(np.array([(x, y), (x, y)]), 0.02, 0.55)]
    return strokes


def _venous_line(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """From the neck or below the clavicle into the superior vena cava."""
    tip = (-0.045 + rng.normal(0, 0.006), anatomy.apex_y + rng.uniform(0.2, 0.32))
    start = (-0.09, -0.05) if rng.random() < 0.5 else (-0.3, anatomy.apex_y + 0.1)
    return [Stroke(_curve([start, (-0.09, anatomy.apex_y + 0.02), (-0.05, anatomy.apex_y + 0.06), tip]), 0.006, 0.45)]


def _breathing_tube(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """A tube in the trachea that ends above the carina."""
    tip = (rng.normal(0, 0.004), anatomy.apex_y + rng.uniform(0.06, 0.17))
    line = _curve([(0.03, -0.1), (0.005, 0.0), tip])
    return [Stroke(line, 0.016, 0.3), Stroke(line, 0.008, 0.16)]


def _stomach_tube(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """A thin tube down the gullet and to the left below the diaphragm."""
    low = anatomy.dome_y[1]
    end = (0.5 * anatomy.thorax_half, low + rng.uniform(0.08, 0.16))
    return [Stroke(_curve([(0.0, -0.1), (0.012, 0.3), (0.0, low), (0.03, low + 0.1), end]), 0.007, 0.4)]


def _port(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """A chamber under the skin of the chest with a line into the vena cava."""
    x, y = -0.55 * anatomy.thorax_half + rng.normal(0, 0.02), anatomy.apex_y + rng.uniform(0.14, 0.22)
    around = np.linspace(0, 2 * np.pi, 20)
    ring = np.stack([x + 0.016 * np.cos(around), y + 0.016 * np.sin(around)], axis=1)
    tip = (-0.045, anatomy.apex_y + 0.3)
    line = _curve([(x, y), (x, anatomy.apex_y), (-0.1, anatomy.apex_y - 0.02), (-0.05, anatomy.apex_y + 0.1), tip])
    return [Stroke(line, 0.006, 0.4), Stroke(ring, 0.009, 0.9)]


def _pacemaker(rng: np.random.Generator, anatomy: Anatomy) -> list[Stroke]:
    """A generator under the left clavicle and a lead into the heart."""
    y = anatomy.apex_y + rng.uniform(0.1, 0.16)
    x = 0.75 * float(wall_x(anatomy, 1, np.float64(y))) + 0.05
    low = anatomy.dome_y[1] - 0.04
    lead = _curve([(x, y), (0.05, anatomy.apex_y + 0.05), (-0.1, anatomy.apex_y + 0.25), (-0.06, low), (0.12, low)], 40)
    case = np.array([(x - 0.02, y), (x + 0.02, y + 0.01)])
    return [Stroke(lead, 0.006, 0.6), Stroke(case, 0.07, 1.0)]
