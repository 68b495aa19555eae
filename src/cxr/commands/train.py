"""`cxr train GROUP`: members trained in turn, predictions averaged."""

import argparse
from collections.abc import Mapping

from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.engines.startup import load_keras
from cxr.evaluation.auroc import unscored
from cxr.preparation.prepare import open_prepared
from cxr.preparation.store import Store


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet and say which epoch of each member validation chose."""
    config = read_config(options)
    params = config.params
    params.group(options.group)
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


def tell_unscored(stores: Mapping[str, Store]) -> None:
    """Say of which findings the val part can tell no AUROC: they have no say in the choice of the epoch."""
    for fold, store in stores.items():
        missing = unscored(store.findings, store.labels[store.parts == "val"])
        if missing:
            where = f"the val part of fold {fold}" if fold else "the val part"
            left = len(store.findings) - len(missing)
            by = f"the other {left} finding{'s' * (left > 1)}" if left else "the validation loss"
            print(f"train: {where} has no image with, or none without: {', '.join(missing)}; epochs are chosen by {by}")
