"""The `heatmaps` block of PARAMS.json: which heatmaps are made, and how they are drawn."""

from typing import Literal

from cxr.config.model import Fraction, Model, Positive


class Heatmaps(Model):
    """Which Grad-CAM overlays are made."""

    images_per_finding: Positive = 4
    """Test images per finding, highest probability first."""
    opacity: Fraction = 0.45
    """Opacity of the hottest place of the overlay."""
    colours: Literal["inferno", "jet"] = "inferno"
    """From cold to hot: `inferno` is perceptually even, `jet` is not: it shows edges where there are none."""
