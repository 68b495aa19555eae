"""A path in, a Keras model out, or one sentence that says why the file is none."""

from pathlib import Path

import keras

from cxr.config.errors import UserError, first_line


def load_model(path: Path, with_optimizer: bool = False) -> keras.Model:
    """Load a whole `.keras` model, to go on training `with_optimizer`, else for inference.

    Raises UserError when the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such model file; the step that makes it, train or segment, makes it again")
    if path.suffix != ".keras":
        raise UserError(f"{path}: is no .keras file, as Keras 3 saves models")
    try:
        return keras.saving.load_model(path, compile=with_optimizer)
    except Exception as error:  # zip, JSON, HDF5 and Keras each have their own kinds
        reason = first_line(error)[:200]
        raise UserError(
            f"{path}: is not a Keras model that can be loaded, the file may be damaged ({reason}); if a step "
            "of this package made it, delete it and give that command again"
        ) from error
