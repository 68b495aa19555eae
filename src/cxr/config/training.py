"""The `training` block of PARAMS.json, shared by all members and overridable by each."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cxr.config.model import Fraction, Model, Positive

Rate = Annotated[float, Field(gt=0, le=1)]


class Optimizer(Model):
    """The optimiser."""

    name: Literal["adam"] = "adam"
    """`adam` (Kingma & Ba 2015)."""
    learning_rate: Rate = 1e-3
    """Peak learning rate."""


class Schedule(Model):
    """The learning rate over the run."""

    name: Literal["constant", "cosine"] = "cosine"
    """`constant`, or `cosine`: warm-up from 0, then down to 0 at the last step."""
    warmup_fraction: Fraction = 0.05
    """Share of all steps that warm up; `cosine` only."""


class Augment(Model):
    """Random changes of training images; 0 switches one off."""

    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 8.0
    """Largest rotation to either side."""
    shift_fraction: Fraction = 0.05
    """Largest shift, as a fraction of the size."""
    zoom_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest change of scale."""
    contrast_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest change of contrast around the image's mean."""
    brightness_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest change of brightness, as a fraction of the grey range."""
    flip_probability: Fraction = 0.0
    """Left-right flips; off because side and heart position carry meaning."""
    stretch_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Largest change of width against height: by a factor between 1 / (1 + this) and 1 + this."""
    gamma_fraction: Annotated[float, Field(ge=0, le=4)] = 0.0
    """Largest change of the display's curve: the exponent lies between 1 / (1 + this) and 1 + this."""
    noise_sd: Annotated[float, Field(ge=0, le=128)] = 0.0
    """Largest standard deviation of added grain, in grey levels of 0 to 255."""
    border_fraction: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Every second image gets black borders, each up to this fraction of the size wide, as collimators leave them."""


class Balance(Model):
    """Which images are trained on how often; validation and test are never touched."""

    no_finding: Fraction = 1.0
    """Share of the training images without any finding that is kept; 0 leaves all of them out."""
    repeat: dict[str, Annotated[int, Field(ge=2, le=100)]] = Field(default={})
    """Finding -> how many times an epoch shows each training image that has it, e.g. `{"Hernia": 10}`."""


class Training(Model):
    """How a classifier is trained."""

    epochs: Positive = 9
    """Passes over the training images."""
    batch: Positive = 16
    """Images per step."""
    optimizer: Optimizer = Optimizer()
    """Optimiser."""
    schedule: Schedule = Schedule()
    """Learning-rate schedule."""
    augment: Augment = Augment()
    """Augmentation."""
    balance: Balance = Balance()
    """Which images are trained on how often."""

    def overridden_by(self, other: "Training") -> "Training":
        """Return a copy in which every key that was written down for `other` replaces ours."""
        return _laid_over(self, other)


def _laid_over(base: BaseModel, other: BaseModel) -> BaseModel:
    changes = {}
    for key in other.model_fields_set:
        value = getattr(other, key)
        changes[key] = _laid_over(getattr(base, key), value) if isinstance(value, BaseModel) else value
    return base.model_copy(update=changes)
