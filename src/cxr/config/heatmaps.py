"""The `heatmaps` block of PARAMS.json: which heatmaps are made, how they are drawn, and how they are scored."""

from typing import Annotated

from pydantic import Field

from cxr.config.localization import MapBoxes
from cxr.config.model import Fraction, Model, Positive


class Heatmaps(Model):
    """Which Grad-CAM overlays are made, and how the places they show are scored."""

    images_per_finding: Positive = 4
    """Test images per finding, highest probability first."""
    opacity: Fraction = 0.45
    """Opacity of the hottest place of the overlay."""
    boxes: MapBoxes = MapBoxes()
    """How `./cxr localize` makes boxes from heatmaps."""
    pointing_tolerance: Fraction = 0.0
    """How far from a true box the hottest point may lie and still hit it, as a share of the image's longer side."""
    deletion_images: Annotated[int, Field(ge=0)] = 16
    """Test images on which deletion and insertion curves are measured, drawn with `seed`; 0 leaves them out."""
