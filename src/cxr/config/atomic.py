"""Write files whole or not at all: content goes to a temporary neighbour that is renamed when complete."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST_NAME = 100
"""Characters kept of a name in its temporary form: file systems allow 255 in all."""


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` (same suffix); rename it to `path` on success, remove it on failure.

    The folder is made when missing. A killed process leaves at most a `.part-*` file, never a half-written `path`. An
    OSError that names no file is given the name of `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{path.name[-LONGEST_NAME:]}")
    try:
        yield part
        part.replace(path)
    except OSError as error:  # writing to an open file tells no name
        error.filename = error.filename or str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` atomically."""
    with written_atomically(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, atomically; NaN is refused because JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
