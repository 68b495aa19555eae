"""`--over KEY=[...]` texts in, the points of a sweep out: every combination of the values, or some of them."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid

from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.settings import Settings

EXAMPLE = "--over training.optimizer.learning_rate=[0.001,0.0003]"


def parse_axes(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return key -> its values; UserError for what is no list of different values, or a key of SETTINGS.json."""
    axes: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, raw = text.partition("=")
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError):
            values = None
        if not equals or not key or not isinstance(values, list) or not values:
            raise UserError(f"--over {text}: needs the form KEY=[VALUE,VALUE] in JSON, for example {EXAMPLE}")
        if key.partition(".")[0] in Settings.model_fields:
            raise UserError(f"--over {text}: {key} is a key of SETTINGS.json; a sweep is over keys of PARAMS.json")
        if key in axes:
            raise UserError(f"--over {text}: {key} is named twice; give all its values in one list")
        written = [json.dumps(value, sort_keys=True) for value in values]
        if twice := [value for value in written if written.count(value) > 1]:
            raise UserError(f"--over {text}: the value {twice[0]} is named twice")
        if around := [
            other for other in axes if f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")
        ]:
            raise UserError(f"--over {text}: {key} and {around[0]} are one inside the other; give only one of them")
        axes[key] = values
    return axes


def grid_points(axes: dict[str, list[Any]], chosen: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the points, each key -> value; with `chosen` only so many, drawn from all without replacement.

    The draw is a function of grid and seed, and a larger one holds the smaller ones, so that a sweep can be extended.
    """
    grid = ParameterGrid(axes)
    places = np.arange(len(grid))
    if chosen is not None:
        if chosen < 1:
            raise UserError(f"--random {chosen}: at least 1 point is needed")
        places = np.sort(np.random.default_rng([seed, 0x5EE9]).permutation(places)[:chosen])
    return [{key: grid[int(place)][key] for key in axes} for place in places]


def point_overrides(point: dict[str, Any]) -> list[str]:
    """Return the `--set` texts of a point."""
    return [f"{key}={json.dumps(value)}" for key, value in point.items()]


def check_comparable(point: dict[str, Any], params: Params, base: Params) -> None:
    """Raise UserError for a point whose result could not be compared: other findings, crops or images on validation."""
    blocks = {"findings": "outputs", "crop": None, "segmentation": None, "split": None, "seed": None}
    for block, part in blocks.items():
        found, wanted = (getattr(one, block) for one in (params, base))
        if part:
            found, wanted = ((one.outputs, one.labels) for one in (found, wanted))
        if found != wanted:
            key = next((key for key in point if key.partition(".")[0] == block), block)
            why = {
                "findings": "the points would answer different questions",
                "seed": "it deals the split anew; give a member several `seeds` instead",
                "split": "the points would be measured on different images",
            }.get(block, "all points share the prepared crops; prepare and sweep once per value instead")
            raise UserError(f"--over {key}: cannot be swept: {why}")
