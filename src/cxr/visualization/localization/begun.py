"""What a run of `localize` has done so far in, the same after an interruption out: a folder that goes when it ends."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.config.atomic import write_json, written_atomically
from cxr.config.record import read_json

FOLDER, INPUTS = "begun", "inputs.json"
FORM = 1
"""Of the files: those of another form are not read."""
KEEP_CHUNKS = 8
"""Chunks of maps between two writings: about 256 images at most are done again."""


@dataclass(frozen=True)
class Begun:
    """folder: where the files lie."""

    folder: Path

    @classmethod
    def of(cls, target: Path, inputs: str) -> "Begun":
        """Begin in `target`, or go on where a run of the same inputs stopped; what other runs left is removed."""
        folder = target / FOLDER
        stamp = {"inputs": inputs, "form": FORM}
        if not ((folder / INPUTS).is_file() and read_json(folder / INPUTS) == stamp):
            shutil.rmtree(folder, ignore_errors=True)
            write_json(folder / INPUTS, stamp)
        for cut_off in target.rglob(".part-*"):  # of a call that was killed
            cut_off.unlink()
        return cls(folder)

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return what was last kept under a name; nothing where nothing was."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return {}
        with np.load(path) as arrays:
            return dict(arrays)

    def keep_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays in place of what was kept under the name."""
        with written_atomically(self.folder / f"{name}.npz") as part:
            np.savez(part, **arrays)

    def read_list(self, name: str) -> list[Any]:
        """Return the list that was last kept under a name; an empty one where none was."""
        path = self.folder / f"{name}.json"
        return read_json(path)[name] if path.is_file() else []

    def keep_list(self, name: str, content: list[Any]) -> None:
        """Keep a list of what JSON has."""
        write_json(self.folder / f"{name}.json", {name: content})

    def end(self) -> None:
        """Remove the folder: all is done."""
        shutil.rmtree(self.folder)
