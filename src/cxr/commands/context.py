"""Parsed options in, the validated configuration and the number of workers out."""

import argparse
import os

from cxr.classification.networks.registry import NETWORKS
from cxr.config.load import Config, load_config
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


def worker_count(settings: Settings) -> int:
    """Return the number of workers; "auto" is one per core this process may use."""
    if settings.parallel.workers != "auto":
        return settings.parallel.workers
    return core_count()


def core_count() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
