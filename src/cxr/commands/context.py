"""Parsed options in, the validated configuration and the number of workers out."""

import argparse
import os
from pathlib import Path

from cxr.classification.networks.registry import NETWORKS
from cxr.classification.runs import is_averaged, read_run
from cxr.config.errors import UserError
from cxr.config.load import Config, load_config
from cxr.config.nearest import choices_sentence
from cxr.config.settings import Settings


def read_config(options: argparse.Namespace) -> Config:
    """Read and validate everything the options name."""
    return load_config(
        options.settings,
        options.params,
        networks=NETWORKS,
        experiment=options.experiment,
        overrides=options.set,
        smoke=options.smoke,
    )


def group_dir(config: Config, group: str) -> Path:
    """Return the folder of a group of PARAMS.json, or of one that was averaged; UserError naming those there are."""
    folder = config.group_dir(group)
    if group not in config.params.groups:
        averaged = [found.name for found in sorted(folder.parent.glob("*")) if _is_averaged(found)]
        if group not in averaged:
            raise UserError(choices_sentence("group", group, [*config.params.groups, *averaged]))
    return folder


def _is_averaged(folder: Path) -> bool:
    try:
        return is_averaged(read_run(folder) or {})
    except UserError:
        return False  # damaged: none that can be asked for


def worker_count(settings: Settings) -> int:
    """Return the number of workers; "auto" is one per core this process may use."""
    if settings.parallel.workers != "auto":
        return settings.parallel.workers
    return core_count()


def core_count() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
