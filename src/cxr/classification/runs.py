"""What a finished run depends on, and whether the run in a folder is the one that was asked for; no Keras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.config.record import differences, hash_of_file, plain, read_json
from cxr.preparation.store import Store

RUN, PREDICTIONS = "run.json", "predictions.csv"
PREDICTION_KEYS = {"views": "one"}
"""Keys of a member that change its predictions, not its training, and what they were in runs that do not name them."""
SHOWN_DIFFERENCES = 4


def read_run(folder: Path) -> dict[str, Any] | None:
    """Return the content of a member's or group's run.json, or None when there is none; UserError when it is broken."""
    return read_json(folder / RUN) if (folder / RUN).is_file() else None


def fold_name(name: str, fold: str) -> str:
    """Return the name of what belongs to one fold, e.g. `tiny-f0`; the name itself where there are no folds."""
    return f"{name}-f{fold}" if fold else name


def parameter_inputs(params: Params, member: str) -> dict[str, Any]:
    """Return every parameter that the training of a member depends on."""
    return plain(
        {
            "member": params.members[member].model_dump(mode="json", exclude={"training", *PREDICTION_KEYS}),
            "training": params.training_of(member),
            "seed": params.seed,
            "findings": {"outputs": params.findings.outputs, "labels": params.findings.labels},
            "uncertain": {name: params.findings.policy_of(name) for name in params.findings.names},
            "crop": params.crop,
            "scheme": params.split,
        }
    )


def member_inputs(params: Params, member: str, store: Store) -> dict[str, Any]:
    """Return everything a member's training depends on: its parameters, and the hashes of data and split."""
    split = {"name": store.split["name"], "hash": store.split["hash"]}
    data = {"content": store.record["content"], "zero_blanks": list(store.zero_blanks)}
    return parameter_inputs(params, member) | {"data": data, "split": split}


def prediction_inputs(params: Params, member: str) -> dict[str, Any]:
    """Return what a finished member's predictions depend on beside its training."""
    return plain(params.members[member].model_dump(mode="json", include=set(PREDICTION_KEYS)))


def predicted_otherwise(record: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> list[str]:
    """Return how the predictions of a group's run were made otherwise than wanted, as `differences` says it.

    wanted: per name of `run_names` its `prediction_inputs`.
    """
    there = record.get("members_predictions", {})
    return differences({name: PREDICTION_KEYS | there.get(name, {}) for name in wanted}, wanted)


def weights_inputs(params: Params, member: str) -> dict[str, Any]:
    """Return the SHA-256 of the file a member begins from, nothing where there is none: another file, another run.

    Raises UserError when it is missing.
    """
    path = params.members[member].weights_file
    if path is None:
        return {}
    if not path.is_file():
        raise UserError(
            f'members.{member}.weights: {path}: no such file; give a model.keras of ours, "imagenet", or null to start '
            "from random weights"
        )
    return {"first_weights": {"sha256": hash_of_file(path)}}


def run_names(record: dict[str, Any], members: Sequence[str]) -> dict[str, str]:
    """Return the folders of a group's run and the member that each is of, fold after fold."""
    return {fold_name(member, fold): member for fold in record.get("folds") or [""] for member in members}


def check_group(
    record: dict[str, Any], members: Sequence[str], wanted: dict[str, dict[str, Any]], folder: Path
) -> None:
    """Raise UserError unless the group in `folder` has these members, and each ran with what is wanted of it.

    wanted: per member all of its inputs, or those known without the data; only the keys given are compared.
    """
    there = record.get("members_inputs", {})
    if list(there) != list(members):
        raise UserError(
            f"{folder}: holds a group of {', '.join(there) or 'no known members'}; asked for are {', '.join(members)}. "
            "Nothing was changed: train with --overwrite to replace it, or name an --experiment to keep both"
        )
    for member in members:
        found = {key: there[member].get(key) for key in wanted[member]}
        if changed := differences(found, wanted[member]):
            raise other_parameters(folder / member, changed)


def check_predictions(record: dict[str, Any], params: Params, group: str, folder: Path) -> None:
    """Raise UserError when the predictions of the group in `folder` were made otherwise than `params` say."""
    wanted = {name: prediction_inputs(params, of) for name, of in run_names(record, params.group(group)).items()}
    if changed := predicted_otherwise(record, wanted):
        raise UserError(
            f"{folder / PREDICTIONS}: was predicted otherwise ({'; '.join(changed[:SHOWN_DIFFERENCES])}); ./cxr train "
            f"{group} predicts again and trains nothing"
        )


def other_parameters(folder: Path, changed: list[str]) -> UserError:
    """Return the error that names what differs between the run in a folder and the one asked for."""
    more = f" and {len(changed) - SHOWN_DIFFERENCES} more" if len(changed) > SHOWN_DIFFERENCES else ""
    return UserError(
        f"{folder}: holds a run with other parameters ({'; '.join(changed[:SHOWN_DIFFERENCES])}{more}). Nothing was "
        "changed: train with --overwrite to replace it, or name an --experiment to keep both"
    )
