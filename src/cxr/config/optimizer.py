"""`training.optimizer` and `training.schedule` of PARAMS.json: one class per name, each with its own keys only."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cxr.config.model import Fraction, Model, Positive

Rate = Annotated[float, Field(gt=0, le=1)]
Factor = Annotated[float, Field(gt=0, lt=1)]


class AnyOptimizer(Model):
    """What every optimiser has."""

    name: str
    learning_rate: Rate = 1e-3
    """Peak learning rate."""
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the gradient of all weights together; longer ones are shortened to it. Null: as they come."""
    ema: Factor | None = None
    """Decay per update of a running mean of the weights, e.g. 0.999: the mean is what is validated, saved and used
    (Polyak & Juditsky 1992). Null: the weights as they are."""


class Adam(AnyOptimizer):
    """Adam."""

    name: Literal["adam"] = "adam"
    """`adam` (Kingma & Ba 2015)."""


class AdamW(AnyOptimizer):
    """Adam with weight decay of its own."""

    name: Literal["adamw"]
    """`adamw`: Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    weight_decay: Annotated[float, Field(gt=0, le=1)] = 1e-2
    """Share of each weight that is taken away per update, times the learning rate; not of biases and normalisation."""


class Sgd(AnyOptimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    """`sgd`: stochastic gradient descent."""
    learning_rate: Rate = 1e-2
    """Peak learning rate."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the last step that the next one keeps."""
    nesterov: bool = False
    """Take the gradient where the momentum will lead (Nesterov 1983)."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "Sgd":
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov does nothing with momentum 0; raise momentum or leave nesterov out")
        return self


class Constant(Model):
    """The peak rate throughout."""

    name: Literal["constant"]
    """`constant`: the peak rate throughout."""


class Cosine(Model):
    """Up, then down along a cosine."""

    name: Literal["cosine"] = "cosine"
    """`cosine`: warm-up from 0, then down to 0 at the last step (Loshchilov & Hutter 2017)."""
    warmup_fraction: Fraction = 0.05
    """Share of all steps that warm up."""


class Step(Model):
    """Down in steps of equal length."""

    name: Literal["step"]
    """`step`: multiplied by `factor` after every `every` epochs."""
    every: Positive = 30
    """Epochs at one rate."""
    factor: Factor = 0.1
    """Of the next rate to this one."""


class Plateau(Model):
    """Down when validation stands still."""

    name: Literal["plateau"]
    """`plateau`: multiplied by `factor` when the validation loss has not fallen for `patience` epochs, as Keras'
    ReduceLROnPlateau does (PyTorch's waits one epoch longer for the same number)."""
    factor: Factor = 0.1
    """Of the next rate to this one."""
    patience: Positive = 5
    """Epochs without a validation loss that is lower by at least 0.0001; counted anew after every change."""


def _optimizer_name(value: object) -> str:
    return _name_of(value, "adam")


def _schedule_name(value: object) -> str:
    return _name_of(value, "cosine")


def _name_of(value: object, default: str) -> str:
    """Which kind an object of JSON, or one of the classes above, is of; without a name it is of the default one."""
    return str(value.get("name", default) if isinstance(value, dict) else getattr(value, "name", default))


Optimizer = Annotated[
    Annotated[Adam, Tag("adam")] | Annotated[AdamW, Tag("adamw")] | Annotated[Sgd, Tag("sgd")],
    Discriminator(_optimizer_name),
]
Schedule = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Step, Tag("step")]
    | Annotated[Plateau, Tag("plateau")],
    Discriminator(_schedule_name),
]
