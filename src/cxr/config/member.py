"""One entry of `members` in PARAMS.json: a network and how it is trained."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cxr.config.model import Model, Pixels, Positive
from cxr.config.nearest import choices_sentence
from cxr.config.training import Training

Views = Literal["one", "flip", "ten_crop", "fifteen"]
IMAGENET = "imagenet"


class Member(Model):
    """One trained classifier."""

    network: str
    """Name of a network in the registry."""
    image_px: Pixels
    """Input height and width; at most `crop.image_px`."""
    weights: str | None = None
    """null: start from random weights. `imagenet`: from those of Keras (needs the internet or Keras' cache). Else the
    path of a `model.keras` of ours, from the folder the command runs in: layers of the same name and shape start as in
    it."""
    pooling: Literal["avg", "max", "lse", "pcam"] = "avg"
    """Of the feature map: mean, maximum, log-sum-exp (sharpness 10; Pinheiro & Collobert 2015), or each finding's mean
    weighted by its probability at every place (PCAM; Ye et al. 2020)."""
    squeeze_excitation: Annotated[int, Field(ge=1, le=64)] | None = None
    """Reduction ratio of a squeeze-and-excitation block (Hu et al. 2018) after the network; none when null."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout before the output layer."""
    normalization: Literal["imagenet", "minus_one_to_one", "zero_to_one", "per_image"] = "imagenet"
    """ImageNet mean and deviation; 0..255 to [-1, 1]; to [0, 1]; or zero mean and unit deviation of each image.
    ImageNet weights need the one they were trained with."""
    any_normalization: bool = False
    """Let ImageNet weights begin on a normalisation that they were not trained with, to compare normalisations; not of
    EfficientNets, which normalise for them by themselves."""
    last_stride: Literal[1, 2] = 2
    """2: as published. 1: without the last halving, so that the feature map, and with it heatmaps, is twice as fine."""
    views: Views = "one"
    """Views of an image whose probabilities are averaged when the finished member predicts: the image; with its mirror
    image (`flip`); four corners and the centre at 7/8 of the size, and their mirror images (`ten_crop`); the image,
    inverted and mirrored, each as it is and changed at random four times (`fifteen`). Changed without training anew."""
    seeds: Positive = 1
    """How many times it is trained, with the seeds `seed`, `seed` + 1, ... for weights, batches and dropout, the split
    staying that of `seed`. Each is a member of its own in the group's average (`NAME-s0`, `NAME-s1`, ...)."""
    training: Training = Training()
    """Any key of `training` that is to differ for this member."""

    @field_validator("network")
    @classmethod
    def _registered(cls, value: str, info: ValidationInfo) -> str:
        networks = (info.context or {}).get("networks")
        if networks is not None and value not in networks:
            raise ValueError(choices_sentence("network", value, networks))
        return value

    @field_validator("weights")
    @classmethod
    def _initialisation(cls, value: str | None) -> str | None:
        if value not in (None, IMAGENET) and not value.endswith(".keras"):
            raise ValueError(f'found "{value}"; allowed: "{IMAGENET}", the path of a .keras model, or null')
        return value

    @property
    def weights_file(self) -> Path | None:
        """The model of ours that the network begins as, or None."""
        return None if self.weights in (None, IMAGENET) else Path(self.weights)

    @model_validator(mode="after")
    def _buildable(self, info: ValidationInfo) -> "Member":
        network = ((info.context or {}).get("networks") or {}).get(self.network)
        asked = (self.network, self.image_px, self.weights, self.normalization, self.any_normalization)
        if network and (reason := network.refusal(*asked)):
            raise ValueError(reason)
        return self
