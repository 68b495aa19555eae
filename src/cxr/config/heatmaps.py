"""The `heatmaps` block of PARAMS.json: which heatmaps are made, how they are drawn, and how they are scored."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxr.config.localization import MapBoxes
from cxr.config.model import Fraction, Model, Positive


class Heatmaps(Model):
    """Which heatmaps are made, and how the places they show are scored."""

    method: Literal["grad_cam", "grad_cam_plus_plus", "guided_grad_cam", "cam", "attention", "smooth_grad"] = "grad_cam"
    """How a member is asked where it saw a finding: see the table under Heatmaps."""
    group: Literal["mean", "best"] = "mean"
    """`mean`: the mean of all members' maps. `best`: for each finding the map of the member with the highest AUROC for
    it on val (its own predictions.csv), for a mean can lie between what its members mean."""
    target: Literal["findings", "sum"] = "findings"
    """`findings`: a map per finding. `sum`: one map per image, of the sum of the logits of all findings."""
    threshold: Fraction = 0.0
    """Heat below this is cut off; 0 cuts nothing, usual are 0.2, 0.5 and 0.8. It is the heat that is shown: a mean of
    members whose hottest places differ stays below 1."""
    below: Literal["blank", "rescale"] = "blank"
    """What a cut leaves of the rest: `blank` as it is, `rescale` drawn out to the range from 0 to 1."""
    scale_by_probability: bool = False
    """Multiply every map by the finding's probability (the plain image's, mean of the members shown), after the cut."""
    images_per_finding: Positive = 4
    """Test images per finding, highest probability first."""
    opacity: Fraction = 0.45
    """Opacity of the hottest place of the overlay."""
    colours: Literal["inferno", "jet"] = "inferno"
    """From cold to hot: `inferno` is perceptually even, `jet` is not: it shows edges where there are none."""
    boxes: MapBoxes = MapBoxes()
    """How `./cxr localize` makes boxes from heatmaps."""
    pointing_tolerance: Fraction = 0.0
    """How far from a true box the hottest point may lie and still hit it, as a share of the image's longer side."""
    deletion_images: Annotated[int, Field(ge=0)] = 16
    """Test images on which deletion and insertion curves are measured, drawn with `seed`; 0 leaves them out."""

    @model_validator(mode="after")
    def _consistent(self) -> "Heatmaps":
        if self.scale_by_probability and self.target == "sum":
            raise ValueError(
                'scale_by_probability needs "target": "findings": a sum of logits has no probability; found "sum"'
            )
        return self
