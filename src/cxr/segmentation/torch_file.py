"""A file of weights that PyTorch wrote (its format before version 1.6) in, arrays by name out; without PyTorch."""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cxr.config.errors import UserError

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_torch_file(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a state dictionary. Raises UserError when the file is damaged or holds anything else.

    The file is a pickle: it is read by an unpickler that makes nothing but dictionaries and tensors.
    """
    try:
        with path.open("rb") as stream:
            return _read(stream)
    except (OSError, ValueError, KeyError, EOFError, struct.error, pickle.UnpicklingError) as error:
        raise UserError(f"{path}: is no file of weights by PyTorch, or is damaged ({error})") from error


def _read(stream: BinaryIO) -> dict[str, np.ndarray]:
    if _Unpickler(stream).load() != MAGIC:
        raise ValueError("it does not begin like one")
    for _ in ("protocol", "machine"):
        _Unpickler(stream).load()
    reader = _Unpickler(stream)
    tensors = reader.load()
    stored = {key: _storage(stream, reader.types[key]) for key in _Unpickler(stream).load()}
    return {name: _tensor(stored[key], *layout) for name, (key, *layout) in tensors.items()}


class _Unpickler(pickle.Unpickler):
    """Makes dictionaries, and of tensors and their storage only a description."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.types: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda key, offset, shape, strides, *_: (key, offset, shape, strides)
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"it holds {module}.{name}")

    def persistent_load(self, pid: Any) -> str:
        _, kind, key, *_ = pid
        self.types[key] = kind
        return key


def _storage(stream: BinaryIO, kind: str) -> np.ndarray:
    (count,) = struct.unpack("<q", stream.read(8))
    return np.frombuffer(stream.read(count * np.dtype(kind).itemsize), kind, count)


def _tensor(stored: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    steps = [step * stored.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(stored[offset:], shape, steps, writeable=False).copy()
