"""Validation errors of pydantic in, one sentence per error out: file, JSON path, what was found, what is allowed."""

import json
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cxr.config.model import kinds_of, leaves_in, models_in
from cxr.config.nearest import choices_sentence

LONGEST = 80
"""Characters of a wrong value that are shown."""
TYPE_TAG = re.compile(r"(str|int|float|bool)$|(list|dict|literal|constrained-\w+)\[|constrained-")
"""How pydantic writes a plain member of a union; anything else in its place is a key of an object."""


def explain_errors(error: ValidationError, root: type[BaseModel], source: str) -> list[str]:
    """Return one line per error, each `source: path: sentence`."""
    lines = []
    for path, same in groupby(error.errors(), lambda item: _path(item["loc"], root)):
        items = list(same)
        sentences = [_sentence(item, root) for item in items]
        if len(items) > 1 and all(_walk(item["loc"], root)[0][-1] for item in items):
            sentences = [_sentence_of_union(items, root)]
        lines += [f"{source}: {path}: {sentence}" if path else f"{source}: {sentence}" for sentence in sentences]
    return lines


def _sentence_of_union(items: list[Any], root: type[BaseModel]) -> str:
    """One sentence on a value that every member of a plain union refuses, each for a reason of its own."""
    words = [item for item in items if item["type"] == "literal_error"]
    rest = [re.sub("^input should be ", "", item["msg"], flags=re.I) for item in items if item not in words]
    rest = [one.replace("a valid dictionary", "a JSON object {...}") for one in rest]
    found = items[0]["input"]
    if words and isinstance(found, str):
        return ", or ".join([_sentence(words[0], root), *rest])
    rest += [str(item["ctx"]["expected"]).replace("'", '"') for item in words]
    return f"should be {', or '.join(rest)}; found {_as_json(found)}"


def _sentence(item: Any, root: type[BaseModel]) -> str:
    kind, found, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return choices_sentence("key", str(item["loc"][-1]), _keys_at(item["loc"][:-1], root))
    if kind == "missing":
        return "is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = str(context["discriminator"]).strip("'").removesuffix("()").removeprefix("_").removesuffix("_name")
        tags = str(context.get("expected_tags", "")).replace("'", "").split(", ")
        if kind == "union_tag_not_found" or not tags[0]:
            kinds = [str(kind) for model in models_in(_walk(item["loc"], root)[1]) for kind in kinds_of(model)]
            return f"needs the key {name} to say which kind it is: {', '.join(kinds)}"
        return choices_sentence("format" if name.endswith("format") else name, str(context["tag"]), tags)
    if kind == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return choices_sentence("value", found if isinstance(found, str) else _as_json(found), allowed)
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{_as_json(found)} is no name; use letters, digits, spaces, . - and _ (a letter, digit or _ first)"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a JSON object {{...}}; found {_as_json(found)}"
    if kind == "path_type":
        return f"must be a path in quotes; found {_as_json(found)}"
    return f"{item['msg'][:1].lower()}{item['msg'][1:]}; found {_as_json(found)}"


def _as_json(found: Any) -> str:
    """Write a value as it stands in the file, shortened when it is long."""
    text = json.dumps(found, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _path(loc: Sequence[str | int], root: type[BaseModel]) -> str:
    """Write a location as a JSON path, without the union tags and key marks that pydantic puts in; "" is the top."""
    parts = zip(loc, _walk(loc, root)[0], strict=True)
    return ".".join(str(part) for part, is_tag in parts if not is_tag and part != "[key]")


def _walk(loc: Sequence[str | int], root: Any) -> tuple[list[bool], list[Any]]:
    """Tell for each part of a location whether it names a member of a union rather than a key or index.

    Returns these flags and the types that may stand at the end of the location.
    """
    flags, here = [], [root]
    for part in loc:
        is_tag = _is_type_tag(part, here)
        below = [] if is_tag else [kind for candidate in here for kind in _step(candidate, part)]
        flags.append(not below and (len(models_in(here)) > 1 or is_tag))
        tagged = [model for model in models_in(here) if flags[-1] and part in kinds_of(model)]
        here = below or tagged or here
    return flags, here


def _is_type_tag(part: str | int, here: list[Any]) -> bool:
    """Unions of plain types put e.g. `str` or `list[str]` into the location."""
    if not isinstance(part, str) or models_in(here) or len(leaves_in(here)) < 2:
        return False
    return not any(get_origin(leaf) is dict for leaf in leaves_in(here)) or bool(TYPE_TAG.match(part))


def _step(candidate: Any, part: str | int) -> list[Any]:
    """Types below a key or index of a type; empty when there are none."""
    found = []
    for kind in leaves_in([candidate]):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                if part in (name, field.alias):
                    found.append(field.annotation)
        elif get_origin(kind) is dict and isinstance(part, str):
            found.append(get_args(kind)[1])
        elif get_origin(kind) is list and isinstance(part, int):
            found.append(get_args(kind)[0])
    return found


def _keys_at(loc: Sequence[str | int], root: Any) -> list[str]:
    """Keys allowed in the object at a location; where a union tag says which, only those of that kind."""
    models = models_in(_walk(loc, root)[1])
    return list(dict.fromkeys(field.alias or key for model in models for key, field in model.model_fields.items()))
