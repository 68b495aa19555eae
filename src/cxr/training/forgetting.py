"""Models that no one refers to any more in, the memory that they took out."""

import ctypes
import gc
import sys

import keras

from cxr.engines.backend import backend_name


def forget_models() -> None:
    """Give back what models of this process have left behind; to be called between two, when no one holds the first.

    Keras keeps names and graphs until its session is cleared, TensorFlow the graph of every training step, and the C
    library, on Linux, memory that was freed in pieces. A model that is still referred to stays as it is and can be
    run, but on TensorFlow no gradient can be taken any more of a function that was traced before.
    """
    keras.utils.clear_session()
    if backend_name() == "tensorflow":
        from cxr.training.on_tensorflow import forget_gradients

        forget_gradients()
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim:
            trim(0)
