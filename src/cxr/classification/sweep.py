"""Points of a sweep in, trained groups and their figures on validation out; the test part is never looked at."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.classification.execution import Execution
from cxr.classification.group import train_group
from cxr.classification.jobs import group_jobs
from cxr.classification.runs import PREDICTIONS
from cxr.config.atomic import write_json
from cxr.config.errors import UserError, first_line
from cxr.config.params import Params
from cxr.config.record import fingerprint, hash_of_file, read_json
from cxr.evaluation.mean_auroc import mean_auroc
from cxr.evaluation.predictions import read_predictions
from cxr.preparation.store import Store

VALIDATION = "validation.json"
LONGEST_NAME = 80


@dataclass(frozen=True)
class Point:
    """One point of a sweep: key -> value, the parameters with these values, and the name of its folder."""

    values: Mapping[str, Any]
    params: Params
    name: str


def name_points(group: str, values: Sequence[Mapping[str, Any]], params: Sequence[Params], store: Store) -> list[Point]:
    """Return the points, each named by its values and the fingerprint of everything its result depends on.

    So a point is found again whatever other points a sweep has, and never taken for one of other data or parameters.
    Raises UserError when two points would be the same training: a key that was swept changes nothing.
    """
    points: dict[str, Point] = {}
    for one, own in zip(values, params, strict=True):
        mark = fingerprint({job.name: job.inputs for job in group_jobs(own, group, {"": store})})
        if same := points.get(mark):
            keys = ", ".join(key for key in one if one[key] != same.values[key])
            raise UserError(f"--over {keys}: no training of group {group} depends on it; leave it out")
        points[mark] = Point(one, own, f"{_spelt(one)}-{mark[:8]}")
    return list(points.values())


def run_point(group: str, point: Point, store: Store, folder: Path, how: Execution) -> dict[str, Any]:
    """Train the group at one point, unless it is, and return its row of the table.

    Keys: point; auroc, low, high: mean AUROC of the group on val and its interval; findings it is over; parameters and
    seconds of training, of all members together; reason: why there is none of this, else "". A training that fails, or
    needs more memory than there is, is such a reason and not an error.
    """
    empty = dict.fromkeys(("auroc", "low", "high", "findings", "parameters", "seconds"))
    row: dict[str, Any] = {"point": point.name, **empty, "reason": ""}
    try:
        record, _ = train_group(group, point.params, {"": store}, folder, how, parts=("val",))
    except UserError as error:
        return row | {"reason": first_line(error)}
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        return row | {"reason": f"out of memory ({type(error).__name__}); lower training.batch or image_px"}
    mean = _validation(folder, point.params)
    return row | {
        "auroc": mean["value"],
        **{key: mean[key] for key in ("low", "high", "findings")},
        "parameters": sum(member["parameters"] for member in record["members"]),
        "seconds": round(sum(member["seconds"] for member in record["members"]), 1),
        "reason": mean.get("reason", ""),
    }


def _validation(folder: Path, params: Params) -> dict[str, Any]:
    """Return the mean entry of the group's predictions, measured now or kept from when it was."""
    inputs = {
        "predictions": hash_of_file(folder / PREDICTIONS),
        "resamples": params.evaluation.resamples,
        "seed": params.seed,
    }
    kept = folder / VALIDATION
    if kept.is_file() and (found := read_json(kept)).get("inputs") == inputs:
        return found["mean"]
    part = read_predictions(folder / PREDICTIONS).part("val")
    mean = mean_auroc(part, "val", params.evaluation.resamples, params.seed)
    write_json(kept, {"mean": mean, "inputs": inputs})
    return mean


def _spelt(values: Mapping[str, Any]) -> str:
    """Return e.g. `learning_rate=0.001_dropout=0.2`, safe as the name of a folder."""
    text = "_".join(f"{key.rpartition('.')[2]}={json.dumps(value)}" for key, value in values.items())
    return re.sub(r"[^A-Za-z0-9.=_-]", "", text)[:LONGEST_NAME]


def _is_out_of_memory(error: Exception) -> bool:
    """TensorFlow, PyTorch, JAX and numpy each have an exception of their own for it."""
    kinds = ("ResourceExhausted", "OutOfMemory", "MemoryError")
    return any(kind in type(error).__name__ for kind in kinds) or "RESOURCE_EXHAUSTED" in str(error)
