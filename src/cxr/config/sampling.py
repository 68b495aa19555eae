"""`training.balance` of PARAMS.json: which images are trained on how often."""

from typing import Annotated

from pydantic import Field

from cxr.config.model import Fraction, Model


class Balance(Model):
    """Which images are trained on how often; validation and test are never touched."""

    no_finding: Fraction = 1.0
    """Share of the training images without any finding that is kept; 0 leaves all of them out."""
    repeat: dict[str, Annotated[int, Field(ge=2, le=100)]] = Field(default={})
    """Finding -> how many times an epoch shows each training image that has it, e.g. `{"Hernia": 10}`."""
