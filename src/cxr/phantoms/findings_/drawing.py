"""The 14 findings: lesions in; the deformed anatomy and, per lesion, its `Drawn` layers out."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from cxr.phantoms import opacities
from cxr.phantoms.anatomy import Anatomy, Geometry, angle_y, pick
from cxr.phantoms.canvas import clouds, roundness, smooth_step
from cxr.phantoms.chest import heart_shadow
from cxr.phantoms.lesions import Drawn, Lesion, lung_of, opacity
from cxr.phantoms.opacities import grade

ENLARGED_RATIO = (0.515, 0.67)  # cardiothoracic ratio of cardiomegaly; a healthy heart stays below 0.5
WIDEST_LEFT = 0.44  # of the chest's width: even then some lung is left beside the heart
LOWEST_DOME, LOWEST_ANGLE = 0.80, 0.86  # lungs may not be pushed out of the frame


def deform(anatomy: Anatomy, lesions: Iterable[Lesion]) -> Anatomy:
    """Change the anatomy as its findings do: a wide heart, flat low domes, a diaphragm pulled up."""
    for lesion in lesions:
        if lesion.finding == "Cardiomegaly":
            ratio = grade(lesion, *ENLARGED_RATIO)
            share = min(anatomy.heart_left_share, WIDEST_LEFT / ratio)
            anatomy = replace(anatomy, cardiothoracic_ratio=ratio, heart_left_share=share)
        elif lesion.finding == "Emphysema":
            anatomy = _inflate(anatomy, lesion)
        elif lesion.finding == "Atelectasis":
            anatomy = _shrink(anatomy, lesion)
    return anatomy


def _inflate(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """Both domes low and flat, ribs level, the lungs wide."""
    domes = tuple(min(dome + grade(lesion, 0.01, 0.07), LOWEST_DOME) for dome in anatomy.dome_y)
    drops = tuple(
        min(drop * grade(lesion, 0.85, 0.3), LOWEST_ANGLE - dome)
        for drop, dome in zip(anatomy.angle_drop, domes, strict=True)
    )
    return replace(anatomy, dome_y=domes, angle_drop=drops, rib_drop=anatomy.rib_drop * grade(lesion, 0.95, 0.75))


def _shrink(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """Volume loss: the dome of that side rises (the angle stays) and the heart moves towards it."""
    lift = grade(lesion, 0.015, 0.055)
    lifts = (lift, 0.0) if lesion.side < 0 else (0.0, lift)
    domes = tuple(dome - up for dome, up in zip(anatomy.dome_y, lifts, strict=True))
    drops = tuple(drop + 0.6 * up for drop, up in zip(anatomy.angle_drop, lifts, strict=True))
    shift = anatomy.heart_shift + lesion.side * grade(lesion, 0.004, 0.014)
    return replace(anatomy, dome_y=domes, angle_drop=drops, heart_shift=shift)


def draw_cardiomegaly(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Nothing to add: `deform` widened the heart; the box encloses its shadow."""
    shadow = heart_shadow(geometry)
    return Drawn(np.zeros_like(shadow), None, (shadow,))


def draw_emphysema(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Dark lungs with few vessels and bullae in the upper zones, on top of `deform`. One box per lung."""
    rng = np.random.default_rng(lesion.seed)
    lungs = geometry.lungs[0] + geometry.lungs[1]
    bullae = smooth_step(clouds(rng, geometry.image_px, 9) - 0.6, 0.8) * smooth_step(0.5 - geometry.y, 0.3)
    added = -lungs * (grade(lesion, 0.03, 0.12) + grade(lesion, 0.03, 0.10) * bullae)
    return Drawn(added, lungs * grade(lesion, 0.25, 0.8), geometry.lungs)


def draw_effusion(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Fluid that fills the angle and climbs along the wall with a meniscus."""
    anatomy = geometry.anatomy
    level = angle_y(anatomy, lesion.side) - grade(lesion, 0.075, 0.30)
    climb = grade(lesion, 0.05, 0.09) * geometry.across**5 - 0.03 * (1 - geometry.across)
    room = smooth_step(np.minimum(geometry.wall_gap, geometry.floor_gap), 0.008) * (geometry.x * lesion.side > 0)
    room = room * smooth_step(geometry.inner_gap + 0.01, 0.03)  # it reaches behind the heart: no seam along its border
    fluid = smooth_step(geometry.y - level + climb, 0.05) * room
    return Drawn(grade(lesion, 0.55, 0.9) * fluid, 0.7 * fluid, (fluid,))


def draw_pneumothorax(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Air between wall and lung: a dark rim without vessels, widest at the apex, bounded by the thin pleural line."""
    anatomy, lung = geometry.anatomy, lung_of(lesion, geometry)
    depth = (geometry.y - anatomy.apex_y) / (pick(anatomy.dome_y, lesion.side) - anatomy.apex_y)
    reach = grade(lesion, 0.55, 1.3)  # how far down the rim goes, in lung heights
    width = grade(lesion, 0.045, 0.14) * np.clip(1 - depth / reach, 0, 1) ** 0.7
    apex_gap = geometry.y - anatomy.apex_y - 0.6 * width  # over the apex the lung falls as well
    inside = _round_min(geometry.wall_gap - width, apex_gap, 0.03)
    air = smooth_step(-inside, 0.008) * lung * smooth_step(reach - depth, 0.04)
    line = np.exp(-((inside / np.float32(0.0035)) ** 2)) * lung * smooth_step(width - 0.006, 0.02)
    squeezed = grade(lesion, 0.01, 0.09) * lung * (1 - air)
    return Drawn(0.26 * line + squeezed - 0.11 * air, air, (air + line,))


def _round_min(first: np.ndarray, second: np.ndarray, radius: float) -> np.ndarray:
    """The smaller of two distances, with corners rounded by about `radius`."""
    near = np.clip(0.5 + (second - first) / np.float32(2 * radius), 0, 1)
    return second + (first - second) * near - np.float32(radius) * near * (1 - near)


def draw_pleural_thickening(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A bright wavy rim along the wall."""
    rng = np.random.default_rng(lesion.seed)
    anatomy, lung = geometry.anatomy, lung_of(lesion, geometry)
    depth = (geometry.y - anatomy.apex_y) / (pick(anatomy.dome_y, lesion.side) - anatomy.apex_y)
    along = smooth_step(rng.uniform(0.16, 0.26) - np.abs(depth - lesion.down), 0.1)
    width = grade(lesion, 0.016, 0.036) * (1 + 0.4 * clouds(rng, geometry.image_px, 16)) * along
    rim = smooth_step(width - geometry.wall_gap, 0.01) * lung * along
    return opacity(grade(lesion, 0.38, 0.68) * rim)


def draw_hernia(lesion: Lesion, geometry: Geometry) -> Drawn:
    """The stomach behind the heart: a round shadow above the diaphragm with gas over a fluid level."""
    rng = np.random.default_rng(lesion.seed)
    radius = grade(lesion, 0.05, 0.085)
    centre_x, centre_y = rng.uniform(-0.01, 0.05), geometry.anatomy.dome_y[0] - 0.55 * radius
    distance = np.hypot((geometry.x - centre_x) / 1.15, geometry.y - centre_y) / radius
    level = geometry.y - centre_y + rng.uniform(0.0, 0.25) * radius
    gas = smooth_step(0.86 - distance, 0.12) * smooth_step(-level, 0.006)
    added = grade(lesion, 0.18, 0.36) * roundness(1 - distance, 0.5) - grade(lesion, 0.28, 0.65) * gas
    return Drawn(added, None, (smooth_step(1 - distance, 0.02),))


DRAW: dict[str, Callable[[Lesion, Geometry], Drawn]] = {
    "Atelectasis": opacities.draw_atelectasis,
    "Cardiomegaly": draw_cardiomegaly,
    "Effusion": draw_effusion,
    "Infiltration": opacities.draw_infiltration,
    "Mass": opacities.draw_mass,
    "Nodule": opacities.draw_nodule,
    "Pneumonia": opacities.draw_pneumonia,
    "Pneumothorax": draw_pneumothorax,
    "Consolidation": opacities.draw_consolidation,
    "Edema": opacities.draw_edema,
    "Emphysema": draw_emphysema,
    "Fibrosis": opacities.draw_fibrosis,
    "Pleural_Thickening": draw_pleural_thickening,
    "Hernia": draw_hernia,
}
"""Finding -> how it is drawn."""
