"""What a map is measured against: random maps and the average box; maps of other patients are counted in `scores`."""

from zlib import crc32

import numpy as np

from cxr.images.geometry import enlarge_map
from cxr.visualization.localization.frames import Frame
from cxr.visualization.localization.overlap import pixels_of
from cxr.visualization.localization.truth import Truth

RANDOM_MAPS = 4
"""Random maps per image and finding; their mean is the control."""


def random_maps(seed: int, image_id: str, finding: str, grid: tuple[int, int], size_px: int) -> np.ndarray:
    """(RANDOM_MAPS, S, S) float32 in [0, 1]: even noise as coarse as a member's map, drawn as smoothly as it."""
    random = np.random.default_rng([seed, crc32(image_id.encode()), crc32(finding.encode())])
    noise = random.random((RANDOM_MAPS, *grid))
    return np.stack([enlarge_map(one, size_px, size_px) for one in noise])


def average_boxes(truth: Truth, frames: dict[int, Frame], patients: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """(row, finding) -> (1, 4) mean of all other patients' boxes of the finding, as shares of the upright crop.

    Where no other patient has a box of it there is none. patients: (N,) of the store.
    """
    sums: dict[int, np.ndarray] = {}
    own: dict[tuple[str, int], np.ndarray] = {}
    for (row, finding), true in truth.boxes.items():
        boxes = frames[row].boxes_to_crop(true)
        total = np.append(boxes.sum(axis=0), len(boxes))
        sums[finding] = sums.get(finding, np.zeros(5)) + total
        key = (str(patients[row]), finding)
        own[key] = own.get(key, np.zeros(5)) + total
    found = {}
    for row, finding in truth.boxes:
        rest = sums[finding] - own[str(patients[row]), finding]
        if rest[4] > 0.5:
            found[row, finding] = (rest[:4] / rest[4])[None]
    return found


def middles_of_boxes(
    truth: Truth, frames: dict[int, Frame], patients: np.ndarray
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """finding -> (n, 2) middle of every true box of it, as shares of its own upright crop, and (n,) whose it is.

    patients: (N,) of the store.
    """
    places: dict[int, list[np.ndarray]] = {}
    owners: dict[int, list[np.ndarray]] = {}
    for (row, finding), true in truth.boxes.items():
        boxes = frames[row].boxes_to_crop(true)
        places.setdefault(finding, []).append((boxes[:, :2] + boxes[:, 2:]) / 2)
        owners.setdefault(finding, []).append(np.repeat(patients[row], len(boxes)))
    return {finding: (np.concatenate(places[finding]), np.concatenate(owners[finding])) for finding in places}


def even_heat(box: np.ndarray, size_px: int) -> np.ndarray:
    """(S, S) float32: 1 within a (1, 4) box of the crop, 0 elsewhere."""
    return pixels_of(box, size_px).astype(np.float32)
