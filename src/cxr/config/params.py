"""PARAMS.json: findings, split, lungs, crops, members, groups, training, evaluation, heatmaps."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxr.config.labels import Findings
from cxr.config.member import Member
from cxr.config.model import Fraction, Model, Name, Pixels, Positive, Seed
from cxr.config.nearest import choices_sentence
from cxr.config.split import Split
from cxr.config.training import Training

RESERVED_MEMBERS = ("gradcam", "figures")


class Segmentation(Model):
    """The lung network."""

    weights: str = "train"
    """`train`: learn from SETTINGS.json's `lung_masks`; or the path of a finished
    `unet.keras`, from the folder the command runs in."""
    seed: Seed = 1
    """Of its weights, batches and split of pairs; apart from `seed`, so that runs of other seeds share the crops."""
    image_px: Pixels = 128
    """Input height and width; a multiple of 2**`depth`."""
    width: Positive = 16
    """Filters of the first level, doubled at each level below."""
    depth: Annotated[int, Field(ge=1, le=6)] = 4
    """Number of down-samplings."""
    epochs: Positive = 10
    """Passes over the training pairs."""
    batch: Positive = 16
    """Pairs per training step."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Peak learning rate of Adam, falling to 0 along a cosine."""
    val: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of pairs (by whole patients) that choose the best epoch."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of pairs (by whole patients) that Dice and IoU are reported on."""

    @model_validator(mode="after")
    def _fits(self) -> "Segmentation":
        if self.image_px % 2**self.depth:
            raise ValueError(f"image_px {self.image_px} is not a multiple of 2**depth = {2**self.depth}")
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} + test {self.test} leave no pairs to train on; their sum must be below 1")
        return self


class Margins(Model):
    """Margins around the lungs, as fractions of the lung box."""

    top: Fraction = 0.07
    """Above the apices, as a fraction of the box height."""
    bottom: Fraction = 0.10
    """Below the costophrenic angles, as a fraction of the box height."""
    sides: Fraction = 0.05
    """Left and right, each as a fraction of the box width."""


class Crop(Model):
    """How images are cut before classification."""

    mode: Literal["crop", "mask", "none"] = "crop"
    """`crop`: square box around the lungs; `mask`: the same with everything outside the lungs black; `none`: the
    whole image."""
    image_px: Pixels = 192
    """Height and width of the stored crops; members resize down from it."""
    margins: Margins = Margins()
    """Margins of the box."""
    min_quality: Fraction = 0.5
    """Lung masks scoring below this are not trusted: the whole image is used, and counted as a fallback."""


class Evaluation(Model):
    """How results are measured."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    """Bootstrap resamples of patients behind each 95 % interval."""


class Heatmaps(Model):
    """Which Grad-CAM overlays are made."""

    images_per_finding: Positive = 4
    """Test images per finding, highest probability first."""
    opacity: Fraction = 0.45
    """Opacity of the hottest place of the overlay."""


class Params(Model):
    """Everything PARAMS.json may say."""

    schema_: str | None = Field(default=None, alias="$schema")
    """Path of the JSON schema, for editors."""
    seed: Seed = 2026
    """Of the split, the initial weights, the batches and the bootstrap."""
    findings: Findings = Findings()
    """What is to be found."""
    split: Split = Split()
    """Train, val, test."""
    segmentation: Segmentation = Segmentation()
    """The lung network."""
    crop: Crop = Crop()
    """Crops."""
    members: dict[Name, Member]
    """Classifiers by name."""
    groups: dict[Name, Annotated[list[str], Field(min_length=1)]]
    """Ensembles: group name to the members whose probabilities are averaged."""
    training: Training = Training()
    """Training of every member, unless the member says otherwise."""
    evaluation: Evaluation = Evaluation()
    """Measurement."""
    heatmaps: Heatmaps = Heatmaps()
    """Explanation."""

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        for group, names in self.groups.items():
            for name in names:
                if name not in self.members:
                    raise ValueError(f"groups.{group}: " + choices_sentence("member", name, self.members))
            if len(set(names)) != len(names):
                raise ValueError(f"groups.{group}: a member is named twice")
        for name, member in self.members.items():
            if name in RESERVED_MEMBERS:
                raise ValueError(f"members.{name}: a group keeps other results under that name; choose another")
            if re.search(r"-f\d+$", name):
                raise ValueError(f"members.{name}: names ending in -f and a number belong to folds; choose another")
            if member.image_px > self.crop.image_px:
                raise ValueError(
                    f"members.{name}.image_px {member.image_px} is larger than crop.image_px {self.crop.image_px}: "
                    "raise crop.image_px or lower the member's size"
                )
        return self

    def training_of(self, member: str) -> Training:
        """Return `training` with the member's own keys laid over it."""
        return self.training.overridden_by(self.members[member].training)

    def group(self, name: str) -> list[str]:
        """Return the member names of a group; UserError naming the groups there are."""
        from cxr.config.errors import UserError

        if name not in self.groups:
            raise UserError(choices_sentence("group", name, self.groups))
        return self.groups[name]

    @property
    def lung_weights(self) -> Path | None:
        """Path of given lung weights, or None when they are to be trained."""
        return None if self.segmentation.weights == "train" else Path(self.segmentation.weights)
