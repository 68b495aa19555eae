"""The base of every settings and parameter class: frozen, unknown keys refused, every key described."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

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


def leaves_in(kinds: list[Any]) -> list[Any]:
    """Return the types that annotations stand for, without Annotated and unions."""
    leaves: list[Any] = []
    for kind in kinds:
        if get_origin(kind) is Annotated:
            leaves += leaves_in([get_args(kind)[0]])
        elif get_origin(kind) in (Union, types.UnionType):
            leaves += leaves_in(list(get_args(kind)))
        else:
            leaves.append(kind)
    return leaves


def models_in(kinds: list[Any]) -> list[type[BaseModel]]:
    """Return the classes of JSON objects that annotations name."""
    return [kind for kind in leaves_in(kinds) if isinstance(kind, type) and issubclass(kind, BaseModel)]


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Pixels = Annotated[int, Field(ge=16, le=1024)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and Keras both take."""
NAME_PATTERN, LONGEST_NAME = r"^\w[\w .-]*$", 64
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]
"""Of a data set, member or group: it becomes part of file names and of ids."""
