"""`cxr schema`: the documentation of both JSON files, shown or written."""

import argparse
from pathlib import Path

from cxr.config.atomic import write_text
from cxr.config.document import SCHEMAS, parameter_table, schema_text, with_table
from cxr.config.errors import UserError

CONFIG_DIR = Path(__file__).parents[1] / "config"
README = Path(__file__).parents[3] / "README.md"


def run(options: argparse.Namespace) -> None:
    """Print the table of parameters, or write the two schemas and the README's table; UserError outside a checkout."""
    if not options.write:
        print(parameter_table())
        return
    if not README.is_file():
        raise UserError(f"{README}: no such file; --write is for a checkout of the repository")
    for name, kind in SCHEMAS.items():
        write_text(CONFIG_DIR / name, schema_text(kind))
    write_text(README, with_table(README.read_text(encoding="utf-8")))
    print(f"written: {', '.join(SCHEMAS)} and the table of {README.name}")
