"""`cxr train GROUP`: members trained in turn, predictions averaged."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.params import Params
from cxr.engines.startup import load_keras
from cxr.evaluation.auroc import unscored
from cxr.preparation.prepare import open_prepared
from cxr.preparation.store import Store


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet and say which epoch of each member validation chose."""
    config = read_config(options)
    params = config.params
    tell_unreached(params, options.group, options.set)
    if params.split.scheme == "test":
        raise UserError('split.scheme "test": every image is in test, there is none to train on; choose another scheme')
    stores = open_prepared(config.settings, params)
    folder = config.group_dir(options.group)
    tell_unscored(stores)
    load_keras()  # only now that the data are there
    from cxr.classification.execution import Execution
    from cxr.classification.group import train_group

    settings = config.settings
    run_record, trained = train_group(
        options.group,
        params,
        stores,
        folder,
        Execution(settings.engine, show_progress, options.overwrite, config.smoke, settings.devices),
    )
    for member in run_record["members"]:
        state = "trained" if member["name"] in trained else "unchanged"
        print(
            f"train: {member['name']} {state}: best epoch {member['best_epoch']} of {member['epochs']}, chosen on val"
        )
        for note in member.get("notes", []):
            print(f"train: {member['name']}: {note}")
    print(f"train: predictions of val and test: {folder / 'predictions.csv'}")


def tell_unreached(params: Params, group: str, overrides: Sequence[str]) -> None:
    """Say which members a `--set training.KEY=VALUE` does not change, because they have a value of their own.

    Raises UserError for a group that is not there.
    """
    trainings = {name: params.training_of(name).model_dump() for name in params.group(group)}
    shared = params.training.model_dump()
    for path in (text.partition("=")[0] for text in overrides):
        first, *keys = path.split(".")
        if first != "training" or not keys:
            continue
        own = [name for name, one in trainings.items() if _value_at(one, keys) != _value_at(shared, keys)]
        if own:
            print(
                f"train: --set {path} does not reach {', '.join(own)}, with a value of {'their' if own[1:] else 'its'} "
                f"own: --set members.{own[0]}.{path} changes it"
            )


def _value_at(content: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def tell_unscored(stores: Mapping[str, Store]) -> None:
    """Say of which findings the val part can tell no AUROC: they have no say in the choice of the epoch."""
    for fold, store in stores.items():
        missing = unscored(store.findings, store.labels[store.parts == "val"])
        if missing:
            where = f"the val part of fold {fold}" if fold else "the val part"
            left = len(store.findings) - len(missing)
            by = f"the other {left} finding{'s' * (left > 1)}" if left else "the validation loss"
            print(f"train: {where} has no image with, or none without: {', '.join(missing)}; epochs are chosen by {by}")
