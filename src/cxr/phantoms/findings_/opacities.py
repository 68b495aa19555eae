"""Findings inside the lungs: a `Lesion` and the `Geometry` in, its `Drawn` layers out; one function per finding."""

import numpy as np

from cxr.phantoms.anatomy import SIDES, Geometry, lung_point
from cxr.phantoms.canvas import clouds, smooth_step
from cxr.phantoms.lesions import Drawn, Lesion, blob, lung_of, net, opacity, patches, rounded


def grade(lesion: Lesion, least: float, most: float) -> float:
    """A value that grows with the severity from `least` to `most`."""
    return least + (most - least) * lesion.severity


def draw_atelectasis(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A plate of airless lung: a long thin band, nearly level. (`deform` lifts the diaphragm.)"""
    rng = np.random.default_rng(lesion.seed)
    turn = -lesion.side * rng.uniform(-0.35, 0.15)
    distance = rounded(lesion, geometry, grade(lesion, 0.09, 0.14), grade(lesion, 0.014, 0.034), turn)
    return opacity(grade(lesion, 0.22, 0.5) * smooth_step(1 - distance, 0.8) * lung_of(lesion, geometry))


def draw_infiltration(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Ill-defined mottled shadows without a border."""
    rng = np.random.default_rng(lesion.seed)
    region = blob(rounded(lesion, geometry, rng.uniform(0.13, 0.18), rng.uniform(0.14, 0.20)))
    mottle = 0.75 * patches(rng, geometry.image_px, 30) + 0.5 * patches(rng, geometry.image_px, 64)
    return opacity(grade(lesion, 0.16, 0.38) * mottle * region * lung_of(lesion, geometry))


def draw_pneumonia(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Patchy shadows that fill a lobe and stop at its fissure, with air-filled bronchi in severe cases."""
    rng = np.random.default_rng(lesion.seed)
    distance = rounded(lesion, geometry, rng.uniform(0.13, 0.18), rng.uniform(0.13, 0.18))
    lobe = smooth_step(1 - distance, 0.7) * _fissure(lesion, geometry, rng)
    filled = 0.45 + 0.75 * patches(rng, geometry.image_px, 16)
    return opacity(grade(lesion, 0.16, 0.42) * filled * lobe * lung_of(lesion, geometry))


def draw_consolidation(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Dense homogeneous lung with a clear border, dark bronchi running through it and no vessels."""
    rng = np.random.default_rng(lesion.seed)
    warp = 1 + 0.22 * clouds(rng, geometry.image_px, 12)
    distance = rounded(lesion, geometry, grade(lesion, 0.075, 0.12), grade(lesion, 0.07, 0.13)) * warp
    dense = smooth_step(1 - distance, 0.5) * lung_of(lesion, geometry)
    bronchi = 1 - 0.16 * net(rng, geometry.image_px, 30)
    return Drawn(grade(lesion, 0.38, 0.72) * dense * bronchi, dense, (dense,))


def _fissure(lesion: Lesion, geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """1 on the lesion's side of a sloping line near it, 0 beyond: lower lesions end above, upper ones below."""
    x, y = lung_point(geometry.anatomy, lesion.side, lesion.across, lesion.down)
    outwards = 1 if lesion.down > 0.5 else -1
    slope = lesion.side * rng.uniform(-0.1, 0.25)
    line = y - outwards * rng.uniform(0.045, 0.075) + slope * (geometry.x - np.float32(x))
    return smooth_step(outwards * (geometry.y - line), 0.014)


def _ball(lesion: Lesion, geometry: Geometry, radius: float, level: float, edge: float) -> Drawn:
    """A solid round lesion with a slightly knobbly outline."""
    rng = np.random.default_rng(lesion.seed)
    warp = 1 + 0.10 * clouds(rng, geometry.image_px, 18)
    distance = rounded(lesion, geometry, radius, radius * rng.uniform(0.85, 1.15), rng.uniform(0, 3)) * warp
    thickness = smooth_step(1 - distance, edge) * (1 - 0.35 * np.clip(distance, 0, 1) ** 2)
    return opacity(level * thickness * lung_of(lesion, geometry))


def draw_mass(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A round solid lesion of more than 3 cm (about 0.09 of the frame)."""
    return _ball(lesion, geometry, grade(lesion, 0.046, 0.085), grade(lesion, 0.30, 0.60), 0.35)


def draw_nodule(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A round solid lesion of at most 3 cm."""
    return _ball(lesion, geometry, grade(lesion, 0.016, 0.036), grade(lesion, 0.30, 0.52), 0.5)


def draw_edema(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Haze around both hila like the wings of a butterfly, with fine lines and lost vessels. One box per side."""
    rng = np.random.default_rng(lesion.seed)
    haze = 0.6 + 0.4 * patches(rng, geometry.image_px, 26) + 0.35 * net(rng, geometry.image_px, 60)
    wings = []
    for side in SIDES:
        wing = Lesion(lesion.finding, side, lesion.severity, lesion.across, lesion.down, lesion.seed)
        shape = blob(rounded(wing, geometry, grade(lesion, 0.14, 0.19), grade(lesion, 0.18, 0.24)))
        wings.append(shape * lung_of(wing, geometry))
    added = grade(lesion, 0.11, 0.38) * haze * (wings[0] + wings[1])
    return Drawn(added, 0.6 * (wings[0] + wings[1]), tuple(wings))


def draw_fibrosis(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A coarse net of scars, strongest near the wall; in both lungs when severe. One box per side."""
    rng = np.random.default_rng(lesion.seed)
    scars = net(rng, geometry.image_px, 44) + 0.6 * net(rng, geometry.image_px, 26)
    sides = SIDES if lesion.severity > 0.6 else (lesion.side,)
    zones = []
    for side in sides:
        zone = Lesion(lesion.finding, side, lesion.severity, lesion.across, lesion.down, lesion.seed)
        shape = blob(rounded(zone, geometry, 0.13, grade(lesion, 0.14, 0.22)))
        zones.append(shape * lung_of(zone, geometry))
    return Drawn(grade(lesion, 0.14, 0.30) * scars * sum(zones), None, tuple(zones))
