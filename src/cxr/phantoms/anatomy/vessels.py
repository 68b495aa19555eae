"""The vessels of the lungs: an `Anatomy` in, the hila and the branching strokes that leave them out."""

import numpy as np

from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import lung_point
from cxr.phantoms.anatomy.patient import SIDES, Anatomy
from cxr.phantoms.canvas import blur, draw_segments

TRUNKS, GENERATIONS, STEPS = 8, 4, 4  # vessels that leave a hilum; times they branch; segments between
VESSEL, HILUM = 0.55, 0.5  # attenuation along the ray, as in `chest`


def draw_vessels(geometry: Geometry) -> np.ndarray:
    """Attenuation of hila and vessels, (H, W) float32; not yet limited to the lungs."""
    segments, widths = _vessels(geometry.anatomy)
    levels = np.minimum(1.0, 0.06 + 65 * widths)
    vessels = blur(draw_segments(segments, widths, levels, geometry.pose, geometry.image_px), 0.0018)
    hila = sum(np.exp(-(_from_hilum(geometry, side) ** 2)) for side in SIDES)
    return np.float32(VESSEL) * vessels + np.float32(HILUM) * hila * (np.float32(0.35) + vessels)


def hilum(anatomy: Anatomy, side: int) -> np.ndarray:
    """Where vessels and bronchus enter a lung, (x, y); the left one lies higher."""
    return np.array(lung_point(anatomy, side, 0.05, 0.53 - 0.04 * side))


def _from_hilum(geometry: Geometry, side: int) -> np.ndarray:
    """Distance from the hilum in units of its size."""
    x, y = hilum(geometry.anatomy, side)
    return np.hypot((geometry.x - np.float32(x)) / np.float32(0.035), (geometry.y - np.float32(y)) / np.float32(0.06))


def _vessels(anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    """Arteries and veins of both lungs: (N, 2, 2) segments and (N,) widths in chest units."""
    rng = np.random.default_rng(anatomy.seed)
    roots, headings, widths = [], [], []
    for side in SIDES:
        angle = np.linspace(-1.35, 1.5, TRUNKS) + rng.normal(0, 0.18, TRUNKS)
        headings.append(np.pi / 2 * (1 - side) + side * angle)  # 0 points away from the midline, positive downwards
        roots.append(hilum(anatomy, side) + rng.normal(0, 0.012, (TRUNKS, 2)) + np.outer(angle, (0, 0.04)))
        widths.append(rng.uniform(0.006, 0.013, TRUNKS) * np.where(angle > 0.3, 1.15, 0.85))  # more blood below
    return _grow(rng, np.concatenate(roots), np.concatenate(headings), np.concatenate(widths))


def _grow(
    rng: np.random.Generator, point: np.ndarray, heading: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Let all vessels grow at once, thin out and branch; (N, 2) starts, (N,) headings in radians, (N,) widths."""
    segments, widths = [], []
    for _ in range(GENERATIONS):
        branches = []
        for step in range(STEPS):
            heading = heading + rng.normal(0, 0.2, len(heading))
            ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
            following = point + rng.uniform(0.018, 0.04, (len(point), 1)) * ahead
            segments.append(np.stack([point, following], axis=1))
            widths.append(width)
            point, width = following, width * 0.85
            if step % 2:
                turn = rng.uniform(0.35, 0.9, len(heading)) * rng.choice((-1, 1), len(heading))
                branches.append((point, heading + turn, width * 0.72))
        point, heading, width = (np.concatenate(part) for part in zip(*branches, strict=True))
    return np.concatenate(segments), np.concatenate(widths)
