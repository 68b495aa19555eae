"""The interface of all engines, and the choice between them."""

from pathlib import Path
from typing import Protocol

import numpy as np

from cxr.config.errors import UserError
from cxr.engines.backend import backend_name, has_gpu


class Engine(Protocol):
    """Runs one network."""

    name: str

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, H, W, 1) float32 0..255 in; one float32 array (N, ...) per output of the network out."""
        ...


def choose_engine(asked: str) -> str:
    """Return `openvino` or `keras`: what was asked, or for `auto` keras where its backend sees a GPU or cannot export.

    Raises UserError when OpenVINO is asked for and the backend cannot export to it.
    """
    if asked == "keras":
        return asked
    if (backend := backend_name()) != "tensorflow":
        if asked == "openvino":
            raise UserError(f'engine: "openvino" needs TensorFlow, Keras runs on {backend}; use "keras" or "auto"')
        return "keras"
    if asked != "auto":
        return asked
    return "keras" if has_gpu() else "openvino"


def open_engine(model: "object", asked: str, folder: Path) -> Engine:
    """Return an engine for a keras.Model; OpenVINO's files are written into `folder`."""
    if choose_engine(asked) == "keras":
        from cxr.engines.keras_engine import KerasEngine

        return KerasEngine(model)
    from cxr.engines.openvino_engine import OpenVinoEngine, export_openvino

    return OpenVinoEngine(export_openvino(model, folder))
