"""The settings and parameter classes in, their documentation out: JSON schemas for editors, a table for the README."""

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cxr.config.model import kinds_of
from cxr.config.params import Params
from cxr.config.settings import Settings

SCHEMAS = {"settings.schema.json": Settings, "params.schema.json": Params}
TABLE_START = "<!-- parameters: written by `./cxr schema --write` -->"
TABLE_END = "<!-- end of parameters -->"


def schema_text(kind: type[BaseModel]) -> str:
    """Return the JSON schema of a configuration file, indented, with a final newline."""
    return json.dumps(kind.model_json_schema(by_alias=True), indent=1, sort_keys=True) + "\n"


def parameter_table() -> str:
    """Return a Markdown table of every key of both files: path, default, meaning."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for title, kind in (("SETTINGS.json", Settings), ("PARAMS.json", Params)):
        lines.append(f"| **{title}** | | |")
        lines += [f"| `{path}` | {default} | {meaning} |" for path, default, meaning in _rows(kind, "")]
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """Return the README text with the table between its two markers renewed."""
    before, _, rest = readme.partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    return f"{before}{TABLE_START}\n{parameter_table()}\n{TABLE_END}{after}"


def _rows(kind: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in kind.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path, _default_text(field), (field.description or "").replace("|", "\\|").replace("\n", " ")
        if path == "members.NAME.training":  # the same keys as the top-level block
            continue
        for below, models in _objects(field.annotation, path):
            for model in models:
                kinds = kinds_of(model) if len(models) > 1 else ()
                yield from _rows(model, f"{below}({kinds[0]})." if kinds else f"{below}.")


def _default_text(field: Any) -> str:
    if field.is_required():
        return "*required*"
    default = field.default
    if default is PydanticUndefined or isinstance(default, BaseModel):
        return ""
    if isinstance(default, list):
        default = [one.model_dump(exclude_unset=True) if isinstance(one, BaseModel) else one for one in default]
    return f"`{json.dumps(str(default) if isinstance(default, Path) else default)}`"


def _objects(annotation: Any, path: str) -> list[tuple[str, list[type[BaseModel]]]]:
    """Objects nested in a field: (path with its index or name, the classes it may have)."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _objects(get_args(annotation)[0], path)
    if origin is list:
        return _objects(get_args(annotation)[0], f"{path}.N")
    if origin is dict:
        return _objects(get_args(annotation)[1], f"{path}.NAME")
    if origin in (Union, types.UnionType):
        found = [models for part in get_args(annotation) for _, models in _objects(part, path)]
        return [(path, [model for models in found for model in models])] if found else []
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(path, [annotation])]
    return []
