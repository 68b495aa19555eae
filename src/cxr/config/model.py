"""The base of every settings and parameter class: frozen, unknown keys refused, every key described."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A JSON object with known keys only; wrong types are refused rather than converted (2.0 is no integer)."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=16, le=1024)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and Keras both take."""
NAME_PATTERN, LONGEST_NAME = r"^\w[\w .-]*$", 64
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]
"""Of a data set, member or group: it becomes part of file names and of ids."""
