"""The healthy chest: a `Geometry` in, an (H, W) float32 map of attenuation out: body, lungs, vessels, bones.

Attenuation is the logarithm of the beam's weakening, summed along each ray: centimetres of tissue times `PER_CM`, the
value of water at the mean energy of a chest X-ray (about 60 keV: 0.2 per cm, NIST XCOM), plus bones.
"""

import numpy as np

from cxr.phantoms.anatomy.body import LUNG_SHARE, draw_soft_tissue
from cxr.phantoms.anatomy.bones import draw_bones
from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import heart_span
from cxr.phantoms.anatomy.vessels import draw_vessels
from cxr.phantoms.canvas import clouds

PER_CM = 0.19
LUNG_DENSITY = 0.27  # of soft tissue's; breathed in, without the large vessels
HEART_HIDDEN = 0.15  # of the heart's height, within the shadow of the great vessels


def attenuate(geometry: Geometry, clear: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Attenuation of the chest, (H, W) float32.

    `clear` (H, W) in [0, 1] tells how much of vessels and lung texture is missing; `density` (H, W) is added to the
    lungs' density, 0 in healthy lungs and at most about 1 - LUNG_DENSITY where all air is gone.
    """
    anatomy = geometry.anatomy
    rng = np.random.default_rng(anatomy.seed)
    grain = 0.09 * clouds(rng, geometry.image_px, 64) + 0.06 * clouds(rng, geometry.image_px, 26)
    grain += 0.10 * clouds(rng, geometry.image_px, 9)
    lung_cm = np.float32(LUNG_SHARE * anatomy.body_depth) * geometry.depth
    tissue_cm = draw_soft_tissue(geometry)
    airy = 1 - np.float32(LUNG_DENSITY) * (1 + grain.astype(np.float32) * (1 - clear)) - density
    vessels = draw_vessels(geometry) * np.sqrt(geometry.depth) * (1 - clear)
    soft = np.maximum(tissue_cm - lung_cm * airy, 0)
    inside = np.clip(tissue_cm / 6, 0, 1)
    return np.float32(PER_CM) * soft + vessels + draw_bones(geometry) * inside


def heart_shadow(geometry: Geometry) -> np.ndarray:
    """The visible outline of the heart, (H, W) float32 of 0 and 1: below the great vessels, above the diaphragm."""
    top, bottom = heart_span(geometry.anatomy)
    below_vessels = geometry.y > top + HEART_HIDDEN * (bottom - top)
    return ((geometry.heart_gap < 0) & below_vessels & (geometry.floor_gap > 0)).astype(np.float32)
