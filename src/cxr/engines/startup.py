"""Keras imported once, without the lines that TensorFlow prints about its own start-up."""

import importlib
import os
import sys
import tempfile

NOISE = ("absl::InitializeLog()", "oneDNN custom operations are on")
"""TensorFlow writes these before any log level can be set; they ask nothing of the user."""


def load_keras() -> None:
    """Import keras; what is printed to stderr meanwhile is passed on, except the known NOISE."""
    if "keras" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            importlib.import_module("keras")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = caught.read().decode(errors="replace").splitlines()
            for line in lines:
                if not any(known in line for known in NOISE):
                    print(line, file=sys.stderr)
