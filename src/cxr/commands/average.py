"""`cxr average NAME FOLDER ...`: finished models become a group without being trained again."""

import argparse

from cxr.classification.found import find_models
from cxr.commands.context import read_config
from cxr.commands.progress import show_progress
from cxr.config.errors import UserError
from cxr.config.load import Config
from cxr.config.params import checked_group
from cxr.engines.startup import load_keras
from cxr.preparation.prepare import open_prepared


def run(options: argparse.Namespace) -> None:
    """Average, and say of which models it is not known what they were trained on."""
    config = read_config(options)
    folder = config.group_dir(_free_name(options.name, config))
    models = find_models(options.folders)
    for model in models:
        if folder.resolve() in (model.folder.resolve(), *model.folder.resolve().parents):
            raise UserError(f"{model.folder}: lies in the folder of the average itself, {folder}")
    stores = open_prepared(config.settings, config.params)
    load_keras()  # only now that there is something to average
    from cxr.classification.average import average_models
    from cxr.classification.execution import Execution

    how = Execution(config.settings.engine, show_progress, options.overwrite, config.smoke)
    record, fresh = average_models(options.name, models, config.params, stores, folder, how)
    for name in record["foreign"]:
        print(f"average: {name} was not trained here; whether it has seen images of the test part is not known")
    members = len(record["members"])
    print(f"average: {options.name}: {members} models, split {record['split']['name']!r}")
    print(f"average: {'written' if fresh else 'unchanged'}: {folder}")


def _free_name(name: str, config: Config) -> str:
    """Return the name when a group may have it and none of PARAMS.json has."""
    if name in config.params.groups:
        raise UserError(f'"{name}" is a group of PARAMS.json, which ./cxr train makes; choose another name')
    try:
        return checked_group(name)
    except ValueError as error:
        raise UserError(str(error)) from error
