"""Findings inside the lungs: a `Lesion` and the `Geometry` in, its `Drawn` layers out; one function per finding."""

from dataclasses import replace

import numpy as np

from cxr.phantoms.anatomy.chest import LUNG_DENSITY, PER_CM
from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import lung_point
from cxr.phantoms.anatomy.patient import SIDES
from cxr.phantoms.canvas import clouds, smooth_step
from cxr.phantoms.findings.lesions import (
    FRAME_CM,
    Drawn,
    Lesion,
    blob,
    grade,
    lung_of,
    net,
    opacity,
    patches,
    ragged,
    rounded,
)

FISSURE = 0.16  # attenuation of a fissure seen along its plane
MOST_NODULES = 4  # in one image
CYSTS = 0.35  # attenuation that the cysts of fibrosis lack, as a share of what its scars have
GROSS = 0.85  # severity above which fibrosis has taken both lungs: a quarter of the new lesions


def draw_atelectasis(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Plates of airless lung, long, thin and nearly level, or a collapsed base under a shifted fissure.

    `deform` lifts the diaphragm and pulls the heart over.
    """
    rng = np.random.default_rng(lesion.seed)
    lung = lung_of(lesion, geometry)
    if rng.random() < 0.6:
        plates = np.zeros_like(lung)
        for plate in range(rng.integers(1, 4)):
            placed = replace(lesion, down=lesion.down - 0.12 * plate, across=lesion.across + rng.normal(0, 0.06))
            turn = -lesion.side * rng.uniform(-0.4, 0.2)
            length, thick = grade(lesion, 0.07, 0.13) * rng.uniform(0.7, 1.0), grade(lesion, 0.010, 0.020)
            plates = np.maximum(plates, smooth_step(1 - rounded(placed, geometry, length, thick, turn), 0.9))
        return opacity(np.float32(grade(lesion, 0.18, 0.42)) * plates, lung)
    base, line = _below_line(lesion, geometry, rng.uniform(-0.1, 0.5), grade(lesion, 0.10, 0.20))
    near_heart = smooth_step(0.14 - geometry.inner_gap, 0.1)
    density = np.float32(grade(lesion, 0.14, 0.36)) * base * near_heart
    return Drawn((density * lung,), added=FISSURE * line * lung * near_heart, density=density, clear=0.5 * base)


def _below_line(lesion: Lesion, geometry: Geometry, slope: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """The base of a lung up to `height` above its floor at the heart, falling outwards: (inside, its edge), 0..1."""
    gap = np.float32(height) - geometry.floor_gap - np.float32(slope) * np.maximum(geometry.inner_gap, 0)
    gap = np.where(geometry.x * lesion.side > 0, gap, np.float32(-1))
    return smooth_step(gap, 0.012), np.exp(-((gap / np.float32(0.004)) ** 2))


def draw_infiltration(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Ill-defined mottled shadows without a border."""
    rng = np.random.default_rng(lesion.seed)
    distance = rounded(lesion, geometry, rng.uniform(0.11, 0.16), rng.uniform(0.12, 0.18))
    region = blob(ragged(rng, distance, 0.2, 8))
    mottle = 0.8 * patches(rng, geometry.image_px, 36) + 0.6 * patches(rng, geometry.image_px, 70)
    return opacity(np.float32(grade(lesion, 0.20, 0.48)) * mottle * region, lung_of(lesion, geometry))


def draw_pneumonia(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Patchy shadows that fill a lobe and stop at its fissure."""
    rng = np.random.default_rng(lesion.seed)
    distance = ragged(rng, rounded(lesion, geometry, rng.uniform(0.11, 0.16), rng.uniform(0.11, 0.16)), 0.15, 10)
    lobe = smooth_step(1 - distance, 0.8) * _fissure(lesion, geometry, rng)
    filled = 0.45 + 0.75 * patches(rng, geometry.image_px, 16)
    return opacity(np.float32(grade(lesion, 0.10, 0.28)) * filled * lobe, lung_of(lesion, geometry))


def draw_consolidation(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Dense homogeneous lung with a clear border, dark bronchi running through it and no vessels."""
    rng = np.random.default_rng(lesion.seed)
    distance = rounded(lesion, geometry, grade(lesion, 0.065, 0.11), grade(lesion, 0.06, 0.12))
    dense = smooth_step(1 - ragged(rng, distance, 0.22, 12), 0.5)
    bronchi = 1 - 0.3 * net(rng, geometry.image_px, 30)
    density = np.float32(grade(lesion, 0.22, 0.55)) * dense * bronchi
    return Drawn((density * lung_of(lesion, geometry),), density=density, clear=dense)


def _fissure(lesion: Lesion, geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """1 on the lesion's side of a sloping line near it, 0 beyond: lower lesions end above, upper ones below."""
    x, y = lung_point(geometry.anatomy, lesion.side, lesion.across, lesion.down)
    outwards = 1 if lesion.down > 0.5 else -1
    slope = lesion.side * rng.uniform(-0.1, 0.25)
    line = y - outwards * rng.uniform(0.04, 0.07) + slope * (geometry.x - np.float32(x))
    return smooth_step(outwards * (geometry.y - line), 0.014)


def _ball(lesion: Lesion, geometry: Geometry, radius_cm: float, denser: float = 1.0) -> Drawn:
    """A solid ball with a slightly knobbly outline: the ray crosses 2 sqrt(r^2 - d^2) of tissue in place of lung.

    `denser` (than soft tissue) stands for the lime that many nodules hold.
    """
    rng = np.random.default_rng(lesion.seed)
    radius = radius_cm / FRAME_CM
    distance = rounded(lesion, geometry, radius, radius * rng.uniform(0.85, 1.15), rng.uniform(0, 3))
    distance = ragged(rng, distance, 0.1, 18)
    chord_cm = 2 * radius_cm * np.sqrt(np.clip(1 - distance * distance, 0, 1))
    added = np.float32(PER_CM * (denser - LUNG_DENSITY)) * chord_cm * lung_of(lesion, geometry)
    return Drawn((added,), added=added)


def draw_mass(lesion: Lesion, geometry: Geometry) -> Drawn:
    """A round solid lesion of more than 3 cm."""
    return _ball(lesion, geometry, grade(lesion, 1.7, 3.5), denser=1.15)


def draw_nodule(lesion: Lesion, geometry: Geometry) -> Drawn:
    """One to four round solid lesions of at most 3 cm, the first in the lesion's place. One box each."""
    rng = np.random.default_rng((lesion.seed, 1))
    nodules = [lesion]
    for seed in rng.integers(2**31, size=rng.integers(MOST_NODULES)):
        side, across, down = rng.choice(SIDES), rng.uniform(0.25, 0.80), rng.uniform(0.20, 0.85)
        nodules.append(replace(lesion, seed=int(seed), side=int(side), across=across, down=down))
    balls = [_ball(nodule, geometry, grade(nodule, 0.95, 1.5), denser=2.2) for nodule in nodules]
    extents = tuple(ball.extents[0] for ball in balls)
    return Drawn(extents, added=sum(extents))


def draw_edema(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Haze around both hila like the wings of a butterfly, with fine lines and lost vessels. One box per side."""
    rng = np.random.default_rng(lesion.seed)
    haze = 0.6 + 0.4 * patches(rng, geometry.image_px, 26) + 0.5 * net(rng, geometry.image_px, 60)
    wings = []
    for side in SIDES:
        wing = replace(lesion, side=side)
        shape = blob(rounded(wing, geometry, grade(lesion, 0.12, 0.17), grade(lesion, 0.16, 0.23)))
        wings.append(shape * (geometry.x * side > 0))
    both = wings[0] + wings[1]
    density = np.float32(grade(lesion, 0.07, 0.19)) * haze * both
    extents = tuple(wing * lung for wing, lung in zip(wings, geometry.lungs, strict=True))
    return Drawn(extents, density=density, clear=0.6 * both)


def draw_fibrosis(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Honeycombs in one lung, in both when gross: a net of thick scars around dark cysts. One box per side."""
    rng = np.random.default_rng(lesion.seed)
    scars = net(rng, geometry.image_px, 44) + 0.6 * net(rng, geometry.image_px, 26)
    zones = []
    for side in SIDES if lesion.severity > GROSS else (lesion.side,):
        zone = replace(lesion, side=side)
        shape = blob(rounded(zone, geometry, 0.13, grade(lesion, 0.15, 0.21)))
        zones.append(shape * lung_of(zone, geometry))
    added = np.float32(grade(lesion, 0.55, 1.40)) * (scars - np.float32(CYSTS)) * sum(zones)
    return Drawn(tuple(zones), added=added)


def draw_emphysema(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Dark lungs with few vessels and bullae in the upper zones, on top of `deform`. One box per lung."""
    rng = np.random.default_rng(lesion.seed)
    lungs = geometry.lungs[0] + geometry.lungs[1]
    bullae = smooth_step(clouds(rng, geometry.image_px, 9) - 0.6, 0.8) * smooth_step(0.5 - geometry.y, 0.3)
    density = -lungs * np.float32(grade(lesion, 0.01, 0.06)) - lungs * bullae * np.float32(grade(lesion, 0.03, 0.09))
    return Drawn(geometry.lungs, density=density, clear=lungs * np.float32(grade(lesion, 0.25, 0.8)))
