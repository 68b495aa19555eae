"""One map or its boxes and the true boxes of one finding in one image in, the numbers of NUMBERS out.

Pointing: Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018, section 4.2. Energy: Wang et al.,
"Score-CAM", CVPR Workshops 2020, section 4.3. Boxes hit at T(IoU) and T(IoBB): Wang et al., CVPR 2017, section 4.2.
"""

import numpy as np
from scipy import ndimage

from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.overlap import distances, iobb, iou

CUTS = (0.1, 0.25, 0.5)
NUMBERS = ("pointing", "energy", *(f"iou_{cut}" for cut in CUTS), *(f"iobb_{cut}" for cut in CUTS))
LEVEL = 1e-6
"""Heat that is this little below the highest counts as hottest: at the rim an enlarged map is level."""


def hottest(heat: np.ndarray) -> np.ndarray:
    """(2,) middle x, y of the hottest place of an (H, W) map as shares of its sides; NaN for a map without heat.

    A place is a piece of equal heat that hangs together; of several the largest counts, and of these the first.
    """
    highest = heat.max()
    if not highest > 0:
        return np.full(2, np.nan)
    rows, columns = np.nonzero(heat >= highest - LEVEL)
    if len(rows) > 1:
        top, left = rows.min(), columns.min()
        level = np.zeros((rows.max() - top + 1, columns.max() - left + 1), bool)
        level[rows - top, columns - left] = True
        pieces, _ = ndimage.label(level, np.ones((3, 3), bool))
        number = pieces[rows - top, columns - left]
        kept = number == np.argmax(np.bincount(number))
        rows, columns = rows[kept], columns[kept]
    return np.array([(columns.mean() + 0.5) / heat.shape[1], (rows.mean() + 0.5) / heat.shape[0]])


def point_hits(points: np.ndarray, frame: Frame, true: np.ndarray, tolerance: float) -> np.ndarray:
    """(n,) 1 where a point (n, 2) of the crop is in one of the (m, 4) true boxes of the image, 0 elsewhere, as float64.

    A map without heat has no point (NaN) and hits nothing. tolerance: how far outside still counts, as a share of the
    image's longer side.
    """
    apart = distances(frame.points_to_image(points), true)
    return (apart <= tolerance * max(frame.height_px, frame.width_px)).any(axis=1).astype(np.float64)


def energy_in(heat: np.ndarray, inside: np.ndarray) -> float:
    """Share of the heat of an (S, S) map within `inside` (S, S) bool; 0 for a map without heat."""
    total = heat.sum(dtype=np.float64)
    return float(heat[inside].sum(dtype=np.float64) / total) if total > 0 else 0.0


def boxes_hit(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(6,) how many of the (m, 4) true boxes some found box overlaps by more than each cut: of IoU, then of IoBB."""
    if not len(found):
        return np.zeros(2 * len(CUTS))
    best = [measure(found, true).max(axis=0) for measure in (iou, iobb)]
    return np.array([(one > cut).sum() for one in best for cut in CUTS], np.float64)


def hits_by_owner(found: np.ndarray, owners: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(w, 6) as `boxes_hit`, for each of w owners of the (n, 4) found boxes; owners (n,) int rises from 0 to w - 1."""
    if not len(found):
        return np.zeros((0, 2 * len(CUTS)))
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    hits = []
    for measure in (iou, iobb):
        best = np.maximum.reduceat(measure(found, true), starts, axis=0)
        hits += [(best > cut).sum(axis=1) for cut in CUTS]
    return np.stack(hits, axis=1).astype(np.float64)
