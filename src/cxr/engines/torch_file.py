"""A file of weights that PyTorch wrote (its format before version 1.6, or zip) in, arrays by name out; without PyTorch.

Such a file is a pickle, and a pickle is a program. Here it can do nothing: of what it names only dictionaries are made;
every other class or function is replaced by one that does nothing, and tensors by a description of where they lie.
"""

import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cxr.config.errors import UserError, first_line

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
TENSOR, PARAMETERS = "_rebuild_tensor_v2", ("_rebuild_parameter", "_rebuild_parameter_with_state")


class _Layout(NamedTuple):
    """Where the numbers of a tensor lie in a storage."""

    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StandIn:
    """In the place of an object of any other class: keeps named attributes, lets go of all else and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            vars(self).update(state)

    def __setitem__(self, *_: Any) -> None:
        pass

    def extend(self, *_: Any) -> None:
        """Take nothing in."""

    append = add = update = extend


def read_torch_file(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a state dictionary, or of a whole module by the names its state dictionary would have.

    Raises UserError when the file is damaged or holds anything else. Nothing in the file is executed.
    """
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with path.open("rb") as stream:
            return _read_legacy(stream)
    except Exception as error:  # a pickle may fail in any way
        unknown = isinstance(error, KeyError) and isinstance(error.args[0], int)  # so pickle tells of what is no pickle
        reason = f"byte {error.args[0]} means nothing" if unknown else first_line(error)[:200]
        raise UserError(f"{path}: is no file of weights by PyTorch, or is damaged ({reason})") from error


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise ValueError("it is compressed, as PyTorch never does")
        (content,) = (name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"])
        folder = content.partition("/")[0]
        if f"{folder}/byteorder" in archive.namelist() and archive.read(f"{folder}/byteorder") != b"little":
            raise ValueError("its numbers are not little-endian")
        reader = _Unpickler(BytesIO(archive.read(content)))
        layouts = _layouts(reader.load())
        stored = {key: np.frombuffer(archive.read(f"{folder}/data/{key}"), kind) for key, kind in reader.types.items()}
    return _arrays(stored, layouts)


def _read_legacy(stream: BinaryIO) -> dict[str, np.ndarray]:
    if _Unpickler(stream).load() != MAGIC:
        raise ValueError("it does not begin like one")
    for _ in ("protocol", "machine"):
        _Unpickler(stream).load()
    reader = _Unpickler(stream)
    layouts = _layouts(reader.load())
    stored = {key: _storage(stream, reader.types[key]) for key in _Unpickler(stream).load()}
    return _arrays(stored, layouts)


def _storage(stream: BinaryIO, kind: str) -> np.ndarray:
    (count,) = struct.unpack("<q", stream.read(8))
    return np.frombuffer(stream.read(count * np.dtype(kind).itemsize), kind, count)


class _Unpickler(pickle._Unpickler):
    """Makes dictionaries; of tensors and their storage only a description, of all else stand-ins.

    It is the one in Python, as that in C takes as much memory as the highest number that a file gives to an object.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.types: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", TENSOR):
            return lambda key, offset, shape, strides, *_: _Layout(key, offset, tuple(shape), tuple(strides))
        if module == "torch._utils" and name in PARAMETERS:
            return lambda tensor, *_: tensor
        if module == "torch" and name in TYPES:
            return TYPES[name]
        return type(name, (_StandIn,), {"__module__": module})

    def persistent_load(self, pid: Any) -> Any:
        if pid[0] == "module":  # a class with its source, written beside modules before version 1.6
            return pid[1]
        _, kind, key, *_ = pid
        if not isinstance(kind, str):
            raise pickle.UnpicklingError(f"it holds numbers of another kind, {kind.__name__}")
        self.types[key] = kind
        return key


def _layouts(found: Any) -> dict[str, _Layout]:
    """The tensors of a state dictionary or module by name."""
    if isinstance(found, _StandIn):
        if "_modules" not in vars(found):
            raise ValueError(f"it holds {type(found).__module__}.{type(found).__name__}")
        found = dict(_module_state(found))
    if not isinstance(found, dict) or not all(isinstance(one, _Layout) for one in found.values()):
        raise ValueError("it holds neither a state dictionary nor a module")
    return found


def _module_state(module: Any, prefix: str = "") -> Iterator[tuple[str, _Layout]]:
    """Parameters and buffers of a module and all below it, named as by torch.nn.Module.state_dict."""
    for kind in ("_parameters", "_buffers"):
        for name, value in vars(module)[kind].items():
            if value is not None:
                yield f"{prefix}{name}", value
    for name, child in vars(module)["_modules"].items():
        if child is not None:
            yield from _module_state(child, f"{prefix}{name}.")


def _arrays(stored: dict[str, np.ndarray], layouts: dict[str, _Layout]) -> dict[str, np.ndarray]:
    """The tensors by name; ValueError where they hold more numbers than the file."""
    if sum(prod(layout.shape) for layout in layouts.values()) > sum(len(one) for one in stored.values()):
        raise ValueError("a tensor is larger than its storage, or many share one")
    return {name: _array(stored[layout.key], layout) for name, layout in layouts.items()}


def _array(stored: np.ndarray, layout: _Layout) -> np.ndarray:
    """A copy of the numbers of a tensor; ValueError where they would lie outside of their storage."""
    last = layout.offset + sum((size - 1) * step for size, step in zip(layout.shape, layout.strides, strict=True))
    if min((layout.offset, *layout.shape, *layout.strides)) < 0 or (0 not in layout.shape and last >= len(stored)):
        raise ValueError("a tensor is larger than its storage")
    steps = [step * stored.itemsize for step in layout.strides]
    return np.lib.stride_tricks.as_strided(stored[layout.offset :], layout.shape, steps, writeable=False).copy()
