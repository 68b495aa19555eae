"""`training.optimizer` and `training.schedule` of PARAMS.json."""

from typing import Annotated, Literal

from pydantic import Field

from cxr.config.model import Fraction, Model

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
