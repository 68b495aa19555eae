"""The 14 findings: lesions in; the deformed anatomy and, per lesion, its `Drawn` layers out."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from cxr.phantoms.anatomy.chest import heart_shadow
from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.patient import LOWEST_ANGLE, Anatomy
from cxr.phantoms.findings import opacities, pleura
from cxr.phantoms.findings.lesions import Drawn, Lesion, grade

ENLARGED_RATIO = (0.505, 0.63)  # cardiothoracic ratio of cardiomegaly; a healthy heart stays below 0.5
WIDEST_LEFT = 0.43  # of the chest's width: even then some lung is left beside the heart


def deform(anatomy: Anatomy, lesions: Iterable[Lesion]) -> Anatomy:
    """Change the anatomy as its findings do: a wide heart, flat low domes, a diaphragm pulled up."""
    for lesion in lesions:
        if lesion.finding == "Cardiomegaly":
            anatomy = _enlarge(anatomy, lesion)
        elif lesion.finding == "Emphysema":
            anatomy = _inflate(anatomy, lesion)
        elif lesion.finding == "Atelectasis":
            anatomy = _shrink(anatomy, lesion)
    return anatomy


def _enlarge(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """A heart wider than half the chest, mostly to the left."""
    ratio = grade(lesion, *ENLARGED_RATIO)
    shift = min(anatomy.heart_shift, 2 * WIDEST_LEFT - ratio)
    height = anatomy.heart_height * grade(lesion, 1.02, 1.15)
    return replace(anatomy, cardiothoracic_ratio=ratio, heart_shift=shift, heart_height=height)


def _inflate(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """Both domes low and flat, ribs level."""
    domes = tuple(min(dome + grade(lesion, 0.01, 0.05), LOWEST_ANGLE - 0.04) for dome in anatomy.dome_y)
    drops = tuple(
        min(drop * grade(lesion, 0.90, 0.45), LOWEST_ANGLE - dome)
        for drop, dome in zip(anatomy.angle_drop, domes, strict=True)
    )
    return replace(anatomy, dome_y=domes, angle_drop=drops, rib_drop=anatomy.rib_drop * grade(lesion, 0.95, 0.75))


def _shrink(anatomy: Anatomy, lesion: Lesion) -> Anatomy:
    """Volume loss: the dome of that side rises (the angle stays) and the heart moves towards it."""
    lift = grade(lesion, 0.012, 0.055)
    lifts = (lift, 0.0) if lesion.side < 0 else (0.0, lift)
    domes = tuple(dome - up for dome, up in zip(anatomy.dome_y, lifts, strict=True))
    drops = tuple(drop + 0.6 * up for drop, up in zip(anatomy.angle_drop, lifts, strict=True))
    shift = anatomy.heart_shift + lesion.side * grade(lesion, 0.01, 0.05)
    return replace(anatomy, dome_y=domes, angle_drop=drops, heart_shift=shift)


def draw_cardiomegaly(lesion: Lesion, geometry: Geometry) -> Drawn:
    """Nothing to add: `deform` widened the heart; the box encloses its shadow."""
    return Drawn((heart_shadow(geometry),))


DRAW: dict[str, Callable[[Lesion, Geometry], Drawn]] = {
    "Atelectasis": opacities.draw_atelectasis,
    "Cardiomegaly": draw_cardiomegaly,
    "Effusion": pleura.draw_effusion,
    "Infiltration": opacities.draw_infiltration,
    "Mass": opacities.draw_mass,
    "Nodule": opacities.draw_nodule,
    "Pneumonia": opacities.draw_pneumonia,
    "Pneumothorax": pleura.draw_pneumothorax,
    "Consolidation": opacities.draw_consolidation,
    "Edema": opacities.draw_edema,
    "Emphysema": opacities.draw_emphysema,
    "Fibrosis": opacities.draw_fibrosis,
    "Pleural_Thickening": pleura.draw_pleural_thickening,
    "Hernia": pleura.draw_hernia,
}
"""Finding -> how it is drawn."""


def summed(layers: Iterable[np.ndarray | None], like: np.ndarray) -> np.ndarray:
    """The sum of the layers there are, (H, W) float32 as `like`."""
    total = np.zeros_like(like)
    for layer in layers:
        if layer is not None:
            total += layer
    return total
