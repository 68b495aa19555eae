"""`cxr convert FILE FOLDER`: chest X-ray weights of torchxrayvision as a finished member of ours."""

import argparse

from pydantic import ValidationError

from cxr.config.errors import UserError
from cxr.config.explain import explain_errors
from cxr.config.findings import FINDING_SETS
from cxr.config.labels import Findings
from cxr.engines.startup import load_keras


def run(options: argparse.Namespace) -> None:
    """Convert the file and say what the model answers."""
    asked = _names(options.findings) if options.findings else None
    load_keras()
    from cxr.classification.torchxrayvision import convert_release

    record = convert_release(options.file, options.folder, asked, options.trust)
    source = record["inputs"]["converted"]["release"]
    print(f"convert: {source}, {record['network']} at {record['image_px']} px: {', '.join(record['findings'])}")
    print(
        f'convert: to begin from it: "network": "{record["network"]}", "normalization": "minus_one_to_one", '
        f'"weights": "{options.folder / "model.keras"}"'
    )
    print(f"convert: written: {options.folder}")


def _names(text: str) -> tuple[str, ...]:
    """The findings of a set, or those named with commas between them."""
    content = text if text in FINDING_SETS else [name.strip() for name in text.split(",")]
    try:
        return Findings(set=content).names
    except ValidationError as error:
        lines = explain_errors(error, Findings, "--findings")
        raise UserError("\n".join(line.replace(": set: ", ": ", 1) for line in lines)) from error
