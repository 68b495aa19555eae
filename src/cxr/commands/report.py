"""`cxr report GROUP`: everything the group's folder holds on one self-contained page; no Keras."""

import argparse

from cxr.commands.context import read_config
from cxr.reporting.report import write_report


def run(options: argparse.Namespace) -> None:
    """Write report.html from the files of the finished steps."""
    config = read_config(options)
    config.params.group(options.group)
    print(f"report: written: {write_report(config.group_dir(options.group))}")
