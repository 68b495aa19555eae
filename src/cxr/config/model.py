"""The base of every settings and parameter class: frozen, unknown keys refused, every key described."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A JSON object with known keys only; wrong types are refused rather than converted (2.0 is no integer)."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def kinds_of(model: type[BaseModel]) -> tuple[Any, ...]:
    """Return what `format`, or else `name`, may be in a class told by it from others in its place; () elsewhere."""
    for key in ("format", "name"):
        if key in model.model_fields and get_origin(model.model_fields[key].annotation) is Literal:
            return get_args(model.model_fields[key].annotation)
    return ()


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=16, le=1024)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and Keras both take."""
Name = Annotated[str, Field(pattern=r"^\w[\w .-]*$", max_length=64)]
"""Of a data set, member or group: it becomes part of file names and of ids."""
