"""Names and paths of finished runs in, their predictions by name out; what is to be compared; no Keras."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.classification.classifiers import fold_name
from cxr.classification.runs import PREDICTIONS, read_run
from cxr.config.errors import UserError
from cxr.config.load import Config
from cxr.config.params import RESERVED_GROUPS
from cxr.config.record import hash_of_file
from cxr.evaluation.members import joined
from cxr.evaluation.predictions import Predictions, read_predictions


@dataclass(frozen=True, eq=False)
class Run:
    """What is compared."""

    predictions: Predictions
    file: Path | None
    """Where they lie; None for those of several folds together."""
    split: str | None
    """Name of the split; None where nothing beside the file names it."""


def find_runs(config: Config, named: Sequence[str]) -> dict[str, Run]:
    """Return name -> run of groups by name, of folders of groups or members, and of prediction files.

    One group alone stands for its average and then each of its members. Raises UserError for what is none of these, for
    a file that is not the one its run wrote, and for one run that has no members to be compared with.
    """
    files = [_file_of(config, one) for one in named]
    names = _distinct([_name_of(file) for file in files], named)
    runs = {name: Run(_read(file), file, _split_of(file)) for name, file in zip(names, files, strict=True)}
    if len(runs) > 1:
        return runs
    if len(named) > 1:
        raise UserError(f"{named[0]}: is named {len(named)} times; give at least two different runs")
    members = _members_of(files[0].parent) if files[0].name == PREDICTIONS else {}
    if len(members) < 2:
        raise UserError(f"{named[0]}: is one run without members; name a second run to compare it with")
    return {f"average of {names[0]}": next(iter(runs.values()))} | members


def split_name(runs: Iterable[Run]) -> str | None:
    """The name of the split of all runs; the names where several call the same images otherwise; None for none."""
    return " / ".join(dict.fromkeys(run.split for run in runs if run.split)) or None


def origins(files: Mapping[str, Path | None], folder: Path) -> dict[str, dict[str, str]]:
    """Run -> {"path", seen from the folder of the comparison, "hash"}: whether it is still of these files."""
    return {
        name: {"path": Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix(), "hash": hash_of_file(file)}
        for name, file in files.items()
        if file is not None
    }


def _split_of(file: Path) -> str | None:
    record: dict[str, Any] = read_run(file.parent) or {} if file.name == PREDICTIONS else {}
    return (record.get("split") or record.get("inputs", {}).get("split") or {}).get("name")


def _file_of(config: Config, named: str) -> Path:
    """Return the predictions that a group's name, a folder or a file stands for."""
    folder = config.group_dir(named)
    if (folder / PREDICTIONS).is_file():
        return folder / PREDICTIONS
    path = Path(named)
    if path.is_file():
        return path
    if (path / PREDICTIONS).is_file():
        return path / PREDICTIONS
    there = sorted(
        found.parent.name
        for found in folder.parent.glob(f"*/{PREDICTIONS}")
        if found.parent.name not in RESERVED_GROUPS
    )
    raise UserError(
        f"{named}: is neither a group with predictions (there are: {', '.join(there) or 'none'}), nor a folder with "
        f"{PREDICTIONS}, nor a file; train or average it with the same options first"
    )


def _name_of(file: Path) -> str:
    return file.resolve().parent.name if file.name == PREDICTIONS else file.stem


def _distinct(names: Sequence[str], named: Sequence[str]) -> list[str]:
    """Return the short names, and what was typed for those that two runs would share."""
    return [typed if names.count(name) > 1 else name for name, typed in zip(names, named, strict=True)]


def _read(file: Path) -> Predictions:
    record = read_run(file.parent) or {} if file.name == PREDICTIONS else {}
    if record.get("predictions_hash") not in (None, hash_of_file(file)):
        raise UserError(f"{file}: is not the file that the run wrote; train or average the group again")
    return read_predictions(file)


def _members_of(folder: Path) -> dict[str, Run]:
    """Return each member of a group, of several folds the test parts together; {} for no group."""
    record, split = read_run(folder) or {}, _split_of(folder / PREDICTIONS)
    by_name: dict[str, list[tuple[Predictions, Path]]] = {}
    for member in record.get("members", []):
        file, fold = folder / member["name"] / PREDICTIONS, member["fold"]
        if not file.is_file():
            raise UserError(f"{file}: no such file; train or average the group again")
        bare = member["name"].removesuffix(fold_name("", fold)) if fold else member["name"]
        one = read_predictions(file)
        by_name.setdefault(bare, []).append((one.part("test") if fold else one, file))
    return {
        name: Run(_in_order(joined([rows for rows, _ in parts])), None, split)
        if len(parts) > 1
        else Run(*parts[0], split)
        for name, parts in by_name.items()
    }


def _in_order(predictions: Predictions) -> Predictions:
    return predictions.rows(np.argsort(predictions.image_ids, kind="stable"))
