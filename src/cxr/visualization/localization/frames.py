"""Points and boxes of a crop in, the same in pixels of the original image out, and back."""

from dataclasses import dataclass

import numpy as np

from cxr.images.geometry import Box
from cxr.images.lies import Lie


@dataclass(frozen=True)
class Frame:
    """Where one upright crop, whose sides are 1, lies in its image.

    box: the crop in pixels of the original, possibly beyond it; lie: how the original lies; height_px, width_px: of it.
    """

    box: Box
    lie: Lie
    height_px: int
    width_px: int

    def points_to_image(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) x, y as shares of the upright crop -> pixels of the original; NaN stays."""
        return self._corner + turn_points(points, self.lie.quarters) * self._sides

    def points_to_crop(self, points: np.ndarray) -> np.ndarray:
        """Undo `points_to_image`."""
        return turn_points((np.asarray(points, np.float64) - self._corner) / self._sides, -self.lie.quarters)

    def boxes_to_image(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) x0, y0, x1, y1 as shares of the upright crop -> pixels of the original, clipped to it.

        A box on the padding alone has no area then.
        """
        return clip_boxes(_as_boxes(boxes, self.points_to_image), self.height_px, self.width_px)

    def boxes_to_crop(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) in pixels of the original -> shares of the upright crop; may reach beyond 0 and 1."""
        return _as_boxes(boxes, self.points_to_crop)

    @property
    def _corner(self) -> np.ndarray:
        return np.array([self.box.x0, self.box.y0], np.float64)

    @property
    def _sides(self) -> np.ndarray:
        return np.array([self.box.x1 - self.box.x0, self.box.y1 - self.box.y0], np.float64)


def turn_points(points: np.ndarray, quarters: int) -> np.ndarray:
    """Turn (n, 2) points of a square of side 1 counter-clockwise by quarters, as `Lie.turn` turns its pixels."""
    points = np.asarray(points, np.float64)
    for _ in range(quarters % 4):
        points = np.column_stack([points[:, 1], 1 - points[:, 0]])
    return points


def clip_boxes(boxes: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Return (n, 4) boxes cut off at the edges of their image."""
    return np.clip(boxes, 0, [width_px, height_px, width_px, height_px])


def _as_boxes(boxes: np.ndarray, move: "object") -> np.ndarray:
    """Move two opposite corners, and order them again: a turn swaps them."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    one, two = move(boxes[:, :2]), move(boxes[:, 2:])
    return np.column_stack([np.minimum(one, two), np.maximum(one, two)])
