"""`cxr report GROUP`: everything the group's folder holds on one self-contained page; no Keras."""

import argparse

from cxr.commands.context import group_dir, read_config
from cxr.reporting.report import write_report


def run(options: argparse.Namespace) -> None:
    """Write report.html from the files of the finished steps."""
    config = read_config(options)
    print(f"report: written: {write_report(group_dir(config, options.group))}")
