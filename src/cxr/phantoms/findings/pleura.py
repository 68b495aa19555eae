"""Findings of the pleura and the hiatus: a `Lesion` and the `Geometry` in, its `Drawn` layers out."""

import numpy as np

from cxr.phantoms.anatomy.chest import LUNG_DENSITY, PER_CM
from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import angle_y, pick
from cxr.phantoms.anatomy.patient import Anatomy
from cxr.phantoms.canvas import clouds, roundness, smooth_step
from cxr.phantoms.findings.lesions import FRAME_CM, Drawn, Lesion, grade, lung_of

PLEURAL_LINE = 0.3  # attenuation of the visceral pleura seen along its surface


def _height_in_lung(anatomy: Anatomy, side: int, y: np.ndarray) -> np.ndarray:
    """0 at the apex of the lung, 1 at its dome."""
    return (y - anatomy.apex_y) / (pick(anatomy.dome_y, side) - anatomy.apex_y)


def draw_effusion(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Fluid that blunts the angle and climbs along the wall with a meniscus, also behind heart and diaphragm."""
    anatomy = geometry.anatomy
    level = angle_y(anatomy, lesion.side) - grade(lesion, 0.045, 0.19)
    climb = grade(lesion, 0.05, 0.10) * geometry.across**5 - 0.03 * (1 - geometry.across)
    fluid = smooth_step(geometry.y - level + climb, 0.05) * (geometry.x * lesion.side > 0)
    density = np.float32((1 - LUNG_DENSITY) * grade(lesion, 0.75, 0.97)) * fluid
    visible = fluid * smooth_step(np.minimum(geometry.wall_gap, geometry.floor_gap), 0.008)
    visible = visible * smooth_step(geometry.inner_gap + 0.01, 0.03)
    # the angle holds fluid where the lung was thin
    rim = np.float32(grade(lesion, 0.25, 0.5)) * visible * smooth_step(0.05 - geometry.wall_gap, 0.06)
    seen = np.maximum(visible, fluid * smooth_step(geometry.depth - np.float32(0.08), 0.1))  # also behind the dome
    return Drawn((seen,), added=rim, density=density, clear=0.8 * fluid)


def draw_pneumothorax(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Air between wall and lung: a dark rim without vessels, widest at the apex, bounded by the thin pleural line."""
    anatomy, lung = geometry.anatomy, lung_of(lesion, geometry)
    depth = _height_in_lung(anatomy, lesion.side, geometry.y)
    reach = grade(lesion, 0.5, 1.3)  # how far down the rim goes, in lung heights
    width = grade(lesion, 0.04, 0.15) * np.clip(1 - depth / reach, 0, 1) ** 0.7
    apex_gap = geometry.y - anatomy.apex_y - 0.6 * width  # over the apex the lung falls as well
    inside = _round_min(geometry.wall_gap - width, apex_gap, 0.03)
    air = smooth_step(-inside, 0.008) * lung * smooth_step(reach - depth, 0.04)
    line = np.exp(-((inside / np.float32(0.0035)) ** 2)) * lung * smooth_step(width - 0.006, 0.02)
    squeezed = np.float32(grade(lesion, 0.0, 0.10)) * lung * (1 - air)
    density = squeezed - np.float32(LUNG_DENSITY) * air
    return Drawn((air + line,), added=np.float32(PLEURAL_LINE) * line, density=density, clear=air)


def _round_min(first: np.ndarray, second: np.ndarray, radius: float) -> np.ndarray:
    """The smaller of two distances, with corners rounded by about `radius`."""
    near = np.clip(0.5 + (second - first) / np.float32(2 * radius), 0, 1)
    return second + (first - second) * near - np.float32(radius) * near * (1 - near)


def draw_pleural_thickening(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A bright wavy rim along the wall."""
    rng = np.random.default_rng(lesion.seed)
    depth = _height_in_lung(geometry.anatomy, lesion.side, geometry.y)
    along = smooth_step(rng.uniform(0.2, 0.32) - np.abs(depth - lesion.down), 0.1)
    width = grade(lesion, 0.026, 0.058) * (1 + 0.4 * clouds(rng, geometry.image_px, 16)) * along
    rim = smooth_step(width - geometry.wall_gap, 0.01) * lung_of(lesion, geometry) * along
    added = np.float32(grade(lesion, 0.50, 1.10)) * rim
    return Drawn((added,), added=added)


def draw_hernia(lesion: Lesion, geometry: Geometry) -> Drawn:
    """The stomach behind the heart: a round shadow above the diaphragm with gas over a fluid level."""
    rng = np.random.default_rng(lesion.seed)
    radius = grade(lesion, 0.05, 0.095)
    centre_x = rng.uniform(-0.05, 0.10)
    centre_y = geometry.anatomy.dome_y[0] - rng.uniform(0.2, 1.1) * radius
    distance = np.hypot((geometry.x - centre_x) / 1.15, geometry.y - centre_y) / radius
    level = geometry.y - centre_y + rng.uniform(-0.1, 0.35) * radius
    gas = smooth_step(0.86 - distance, 0.12) * smooth_step(-level, 0.006)
    ball_cm = np.float32(2 * radius * FRAME_CM) * roundness(1 - distance, 1.0)
    added = np.float32(PER_CM) * ball_cm * (np.float32(grade(lesion, 0.4, 0.6)) - np.float32(1.2) * gas)
    return Drawn((smooth_step(1 - distance, 0.02),), added=added)
