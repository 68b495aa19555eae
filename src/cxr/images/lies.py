"""How an X-ray lies in its file: upright, turned by quarters, or with its grey levels inverted; there and back."""

from dataclasses import dataclass

import numpy as np

from cxr.images.geometry import Box


@dataclass(frozen=True)
class Lie:
    """quarters: counter-clockwise turns by 90 degrees that lead from upright to how it lies."""

    name: str
    quarters: int = 0
    inverted: bool = False

    def lay(self, image: np.ndarray) -> np.ndarray:
        """Return an upright (H, W) uint8 image as it lies."""
        turned = self.turn(image)
        return 255 - turned if self.inverted else turned

    def set_upright(self, image: np.ndarray) -> np.ndarray:
        """Undo `lay`."""
        turned = np.rot90(image, -self.quarters)
        return np.ascontiguousarray(255 - turned if self.inverted else turned)

    def turn(self, upright: np.ndarray) -> np.ndarray:
        """Turn a mask or map (H, W) of the upright image as the image lies."""
        return np.ascontiguousarray(np.rot90(upright, self.quarters))

    def turn_box(self, box: Box, height_px: int, width_px: int) -> Box:
        """Return where a box of the upright image of this size lies."""
        x0, y0, x1, y1 = box
        for _ in range(self.quarters):
            x0, y0, x1, y1 = y0, width_px - x1, y1, width_px - x0
            height_px, width_px = width_px, height_px
        return Box(x0, y0, x1, y1)


UPRIGHT = Lie("")
LYING = (
    Lie("head left", quarters=1),
    Lie("head down", quarters=2),
    Lie("head right", quarters=3),
    Lie("inverted", inverted=True),
)
"""Every way but upright."""
BY_NAME = {lie.name: lie for lie in (UPRIGHT, *LYING)}
