"""What a finished run depends on, and whether the run in a folder is the one that was asked for; no Keras."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxr.classification.classifiers import Classifier, group_classifiers
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


def task_inputs(params: Params) -> dict[str, Any]:
    """Return the parameters that all classifiers of one average share: findings, crops, kind of split."""
    return plain(
        {
            "findings": {"outputs": params.findings.outputs, "labels": params.findings.labels},
            "crop": params.crop,
            "scheme": params.split,
        }
    )


def data_inputs(store: Store) -> dict[str, Any]:
    """Return the hashes of data and split that all classifiers of one average (of one of its folds) share."""
    split = {"name": store.split["name"], "hash": store.split["hash"]}
    return {"data": {"content": store.record["content"], "zero_blanks": list(store.zero_blanks)}, "split": split}


def parameter_inputs(params: Params, member: str, number: int | None = None) -> dict[str, Any]:
    """Return every parameter that the training of a member, with this one of its seeds, depends on."""
    own = {
        "member": params.members[member].model_dump(mode="json", exclude={"training", "seeds", *PREDICTION_KEYS}),
        "training": params.training_of(member),
        "seed": params.seed + (number or 0),
        "uncertain": {name: params.findings.policy_of(name) for name in params.findings.names},
    }
    return plain(own) | task_inputs(params)


def member_inputs(params: Params, member: str, store: Store, number: int | None = None) -> dict[str, Any]:
    """Return everything that training depends on: its parameters, and the hashes of data and split."""
    return parameter_inputs(params, member, number) | data_inputs(store)


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


def prediction_inputs(params: Params, member: str) -> dict[str, Any]:
    """Return what a finished member's predictions depend on beside its training."""
    return plain(params.members[member].model_dump(mode="json", include=set(PREDICTION_KEYS)))


def predicted_otherwise(record: Mapping[str, Any], wanted: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return how the predictions of a group's run were made otherwise than wanted, as `differences` says it.

    wanted: per classifier its `prediction_inputs`.
    """
    there = record.get("members_predictions", {})
    return differences({name: PREDICTION_KEYS | there.get(name, {}) for name in wanted}, dict(wanted))


def check_run(
    params: Params, group: str, folder: Path, stores: Mapping[str, Store] | None = None
) -> tuple[dict[str, Any], list[Classifier]]:
    """Return the run.json of the finished group in `folder`, and its classifiers, after checking what they are of.

    A group of PARAMS.json must have been trained and predicted with these parameters, and a group of averaged models be
    of their findings, crops and split; with `stores` also on these data. UserError otherwise.
    """
    record = read_json(folder / RUN)
    folds = list(stores) if stores else record.get("folds") or [""]
    if group not in params.groups and is_averaged(record):
        return record, _checked_average(record, params, folder, stores)
    classifiers = group_classifiers(params, group, folds)
    wanted = {
        one.name: member_inputs(params, one.member, stores[one.fold], one.number)
        if stores
        else parameter_inputs(params, one.member, one.number)
        for one in classifiers
    }
    check_group(record, list(wanted), wanted, folder)
    if changed := predicted_otherwise(record, {one.name: prediction_inputs(params, one.member) for one in classifiers}):
        raise UserError(
            f"{folder / PREDICTIONS}: was predicted otherwise ({'; '.join(changed[:SHOWN_DIFFERENCES])}); ./cxr train "
            f"{group} predicts again and trains nothing"
        )
    return record, classifiers


def is_averaged(record: Mapping[str, Any]) -> bool:
    """Whether a group's run.json is that of finished models from elsewhere, put together by `./cxr average`."""
    return "averaged" in record


def is_foreign(run: Mapping[str, Any]) -> bool:
    """Whether a member's run.json is that of a model that was not trained here: it names no split."""
    return "split" not in run.get("inputs", {})


def _checked_average(
    record: dict[str, Any], params: Params, folder: Path, stores: Mapping[str, Store] | None
) -> list[Classifier]:
    there = {"seed": record["averaged"]["seed"], "folds": record["folds"]}
    now = {"seed": params.seed, "folds": [fold for fold in stores if fold] if stores else record["folds"]}
    if changed := differences(there, now):
        raise other_parameters(folder, changed, "average")
    members = [(one["name"], one["fold"]) for one in record["members"]]
    classifiers = [Classifier(name.removesuffix(f"-f{fold}"), None, fold) for name, fold in members]
    wanted = {one.name: task_inputs(params) | (data_inputs(stores[one.fold]) if stores else {}) for one in classifiers}
    check_group(record, list(wanted), wanted, folder, "average")
    return classifiers


def check_group(
    record: dict[str, Any],
    members: Sequence[str],
    wanted: dict[str, dict[str, Any]],
    folder: Path,
    step: str = "train",
) -> None:
    """Raise UserError unless the group in `folder` has these members, and each ran with what is wanted of it.

    wanted: per member all of its inputs, or those known without the data; only the keys given are compared. step: what
    would replace the run.
    """
    there = record.get("members_inputs", {})
    if list(there) != list(members):
        raise UserError(
            f"{folder}: holds a group of {', '.join(there) or 'no known members'}; asked for are {', '.join(members)}. "
            f"Nothing was changed: {step} with --overwrite to replace it, or name an --experiment to keep both"
        )
    for member in members:
        found = {key: there[member].get(key) for key in wanted[member]}
        if changed := differences(found, wanted[member]):
            raise other_parameters(folder / member, changed, step)


def other_parameters(folder: Path, changed: list[str], step: str = "train") -> UserError:
    """Return the error that names what differs between the run in a folder and the one asked for."""
    more = f" and {len(changed) - SHOWN_DIFFERENCES} more" if len(changed) > SHOWN_DIFFERENCES else ""
    return UserError(
        f"{folder}: holds a run with other parameters ({'; '.join(changed[:SHOWN_DIFFERENCES])}{more}). Nothing was "
        f"changed: {step} with --overwrite to replace it, or name an --experiment to keep both"
    )
