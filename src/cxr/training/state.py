"""A model in training and its history in, one file that holds all of it out, and back: what a run goes on from."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras

from cxr.config.atomic import written_atomically
from cxr.config.errors import UserError, first_line
from cxr.training.history import Row

HISTORY_INSIDE = "history.json"


def save_model(model: keras.Model, path: Path) -> None:
    """Save a whole Keras model, atomically."""
    with saving(path), written_atomically(path) as part:
        model.save(part.with_suffix(".keras"))


def save_state(model: keras.Model, history: Sequence[Row], path: Path) -> None:
    """Save model, optimiser and history in one `.keras` file, atomically: they are of the same epoch at any moment."""
    with saving(path), written_atomically(path) as part:
        model.save(part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.writestr(HISTORY_INSIDE, json.dumps(history))  # NaN stays NaN, every number exact


def saved_history(path: Path) -> list[Row]:
    """Return the history of a saved state; an empty one for a `.keras` file without. UserError when it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(HISTORY_INSIDE)) if HISTORY_INSIDE in archive.namelist() else []
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def load_state(model: keras.Model, path: Path) -> None:
    """Put saved weights, and the optimiser's state, into a compiled model of the same kind; UserError when damaged."""
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(path)
    except Exception as error:  # zip, HDF5 and Keras each have their own kinds
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: is not the state of a training that can be loaded, the file may be damaged "
        f"({first_line(error)[:200]}); delete it, and this training starts anew"
    )


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Say of a file that cannot be written which it is, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise UserError(
            f"{path}: could not be written ({reason}). What was saved before is as it was: when there is room again, "
            "the same command goes on from the last whole epoch"
        ) from error
