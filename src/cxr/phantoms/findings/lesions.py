"""What a drawn finding is made of: `Lesion` in (what, where, how severe), shapes and `Drawn` layers out."""

from dataclasses import dataclass

import numpy as np

from cxr.phantoms.anatomy.geometry import Geometry
from cxr.phantoms.anatomy.outline import lung_point
from cxr.phantoms.canvas import clouds, smooth_step

BOX_LEVEL = 0.3  # a box encloses what is stronger than this share of the lesion's strongest pixel
FRAME_CM = 38.0  # width of the nominal frame, so that lesions have sizes in centimetres


@dataclass(frozen=True)
class Lesion:
    """One finding of one image, placed in its lung by `across` (0 heart .. 1 wall) and `down` (0 apex .. 1 floor)."""

    finding: str
    side: int  # -1 patient's right, +1 left; findings of both lungs ignore it
    severity: float  # 0 barely visible .. 1 gross
    across: float
    down: float
    seed: int  # shape and texture


@dataclass(frozen=True)
class Drawn:
    """A lesion on an image, (H, W) float32 layers and one extent per box; a layer is None where it changes nothing."""

    extents: tuple[np.ndarray, ...]
    added: np.ndarray | None = None  # attenuation along the ray
    density: np.ndarray | None = None  # added to the lung's density, which is 1 where it is free of air
    clear: np.ndarray | None = None  # share 0..1 of vessels and lung texture that is not seen


def grade(lesion: Lesion, least: float, most: float) -> float:
    """A value that grows with the severity from `least` to `most`."""
    return least + (most - least) * lesion.severity


def lung_of(lesion: Lesion, geometry: Geometry) -> np.ndarray:
    """Soft outline of the lung that holds the lesion."""
    return geometry.lungs[lesion.side > 0]


def opacity(density: np.ndarray, lung: np.ndarray) -> Drawn:
    """A lesion that only makes its lung denser, with one box around what lies in the visible lung."""
    return Drawn((np.abs(density) * lung,), density=density)


def rounded(lesion: Lesion, geometry: Geometry, radius_x: float, radius_y: float, turn_rad: float = 0.0) -> np.ndarray:
    """Distance from the lesion's centre in units of its radii: 1 on the ellipse, (H, W) float32."""
    centre_x, centre_y = lung_point(geometry.anatomy, lesion.side, lesion.across, lesion.down)
    along, beside = geometry.x - np.float32(centre_x), geometry.y - np.float32(centre_y)
    cos, sin = np.float32(np.cos(turn_rad)), np.float32(np.sin(turn_rad))
    return np.hypot(
        (cos * along + sin * beside) / np.float32(radius_x), (cos * beside - sin * along) / np.float32(radius_y)
    )


def ragged(rng: np.random.Generator, distance: np.ndarray, amount: float, cells: int) -> np.ndarray:
    """The same distance with an irregular outline."""
    return distance * (1 + np.float32(amount) * clouds(rng, distance.shape[0], cells))


def blob(distance: np.ndarray) -> np.ndarray:
    """A soft hill over a distance in radii: 1 in the centre, 0.1 at the radius."""
    return np.exp(np.float32(-2.3) * distance * distance)


def patches(rng: np.random.Generator, image_px: int, cells: int) -> np.ndarray:
    """Cloudy patches, 0 between them and up to 1 inside, `cells` across the frame."""
    return smooth_step(clouds(rng, image_px, cells) + np.float32(0.15), 1.6)


def net(rng: np.random.Generator, image_px: int, cells: int) -> np.ndarray:
    """A network of thin lines (1) around dark meshes (0): the zero crossings of a noise, `cells` across the frame."""
    return np.exp(-((clouds(rng, image_px, cells) / np.float32(0.28)) ** 2))


def box_around(extent: np.ndarray) -> tuple[float, float, float, float]:
    """Smallest box (x, y, w, h) in pixels around the pixels above BOX_LEVEL of the strongest one.

    Raises ValueError when the extent is empty: every lesion must lie in the image.
    """
    inside = extent > BOX_LEVEL * extent.max()
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if not len(columns):
        raise ValueError("a lesion lies outside the image or outside its lung")
    left, top = columns[0], rows[0]
    return float(left), float(top), float(columns[-1] + 1 - left), float(rows[-1] + 1 - top)
