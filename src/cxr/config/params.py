"""PARAMS.json: findings, split, lungs, crops, members, groups, training, evaluation, heatmaps."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cxr.config.evaluation import Evaluation
from cxr.config.heatmaps import Heatmaps
from cxr.config.labels import Findings
from cxr.config.loss import loss_for
from cxr.config.lungs import Segmentation
from cxr.config.member import Member
from cxr.config.model import LONGEST_NAME, NAME_PATTERN, Fraction, Model, Name, Pixels, Seed
from cxr.config.nearest import choices_sentence
from cxr.config.split import Split
from cxr.config.training import Training, with_names

SHIPPED_LUNGS = Path(__file__).parents[3] / "models" / "lungs" / "shipped" / "unet.keras"
RESERVED_MEMBERS = ("gradcam", "figures", "external", "relabelled", "tables", "localization")
RESERVED_GROUPS = ("lungs", "smoke", "sweeps", "comparisons", "ablations")


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
    upright: bool = True
    """Turn by 90 or 180 degrees, or invert, images whose lungs are found only so; marked in crops.csv and counted."""


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

    @model_validator(mode="before")
    @classmethod
    def _name_what_members_change(cls, value: Any) -> Any:
        """Let a member write only the keys that differ of a loss, sampler, optimiser or schedule."""
        members = value.get("members") if isinstance(value, dict) else None
        if not isinstance(members, dict):
            return value
        named = {
            name: {**member, "training": with_names(member["training"], value.get("training"))}
            if isinstance(member, dict) and "training" in member
            else member
            for name, member in members.items()
        }
        return {**value, "members": named}

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        for group, names in self.groups.items():
            checked_group(group)
            for name in names:
                if name not in self.members:
                    raise ValueError(f"groups.{group}: " + choices_sentence("member", name, self.members))
            if len(set(names)) != len(names):
                raise ValueError(f"groups.{group}: a member is named twice")
        for name in self.members:
            self._check_member(name)
            self._check_training(name)
        return self

    def _check_member(self, name: str) -> None:
        member = self.members[name]
        if name in RESERVED_MEMBERS:
            raise ValueError(f"members.{name}: a group keeps other results under that name; choose another")
        if ending := re.search(r"-([fs])\d+$", name):
            owner = {"f": "folds", "s": "seeds"}[ending[1]]
            raise ValueError(
                f"members.{name}: names ending in -{ending[1]} and a number belong to {owner}; choose another"
            )
        if self.seed + member.seeds > 2**32:
            raise ValueError(
                f"members.{name}.seeds {member.seeds}: the last of its seeds is {self.seed + member.seeds - 1}; "
                f"allowed are seeds below {2**32}"
            )
        if member.image_px > self.crop.image_px:
            raise ValueError(
                f"members.{name}.image_px {member.image_px} is larger than crop.image_px {self.crop.image_px}: "
                "raise crop.image_px or lower the member's size"
            )

    def _check_training(self, name: str) -> None:
        """Findings that the loss and the balance of a member name are those that are asked."""
        training, own = self.training_of(name), self.members[name].training
        try:
            loss_for(training.loss, self.findings)
        except ValueError as error:
            place = f"members.{name}.training.loss" if own.loss else "training.loss"
            raise ValueError(f"{place}: {error}") from error
        for finding in training.balance.repeat:
            if finding not in self.findings.names:
                place = f"members.{name}.training" if "repeat" in own.balance.model_fields_set else "training"
                reason = choices_sentence("finding", finding, self.findings.names)
                raise ValueError(f"{place}.balance.repeat: {reason}")

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
        """Path of finished lung weights, given or shipped, or None when they are to be trained."""
        weights = self.segmentation.weights
        if weights == "train":
            return None
        return SHIPPED_LUNGS if weights == "shipped" else Path(weights)


def checked_group(name: str) -> str:
    """Return the name when a group, averaged group or sweep may have it; ValueError otherwise."""
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > LONGEST_NAME:
        raise ValueError(f'"{name}" is no name; use letters, digits, spaces, . - and _ (a letter, digit or _ first)')
    if name in RESERVED_GROUPS:
        raise ValueError(f'"{name}" cannot be a group: models/ keeps other results under that name; choose another')
    return name
