"""Files as PyTorch wrote them, made here byte by byte after its documentation of the format."""

import os
import pickle
import struct
from collections import OrderedDict
from typing import ClassVar

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.engines.torch_file import MAGIC, read_torch_file


class Named:
    """Pickles as a class or function of another module, which need not be installed."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Tensor:
    def __init__(self, array, key):
        self.array, self.key = array, key


class Pickler(pickle._Pickler):
    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def persistent_id(self, value):
        if isinstance(value, tuple) and value and value[0] == "storage":
            return value
        return None

    def save_named(self, value):
        self.write(f"c{value.module}\n{value.name}\n".encode())

    def save_tensor(self, value):
        array = value.array
        kind = Named("torch", {"f": "FloatStorage", "i": "LongStorage"}[array.dtype.kind])
        strides = tuple(step // array.itemsize for step in array.strides)
        storage = ("storage", kind, value.key, "cpu", array.size, None)
        arguments = (storage, 0, array.shape, strides, False, OrderedDict())
        self.save(Named("torch._utils", "_rebuild_tensor_v2"))
        self.save(arguments)
        self.write(pickle.REDUCE)

    dispatch[Named], dispatch[Tensor] = save_named, save_tensor


def write(path, arrays):
    with path.open("wb") as stream:
        for head in (MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, stream, 2)
        Pickler(stream, 2).dump({name: Tensor(array, name) for name, array in arrays.items()})
        pickle.dump(list(arrays), stream, 2)
        for array in arrays.values():
            stream.write(struct.pack("<q", array.size) + array.tobytes(order="A"))


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    kernel = random.normal(size=(4, 3, 2)).astype("<f4")
    return {"kernel": kernel, "turned": np.asfortranarray(kernel[0]), "count": np.arange(5)}


def test_arrays_come_back_by_name(arrays, tmp_path):
    write(tmp_path / "weights.pth", arrays)
    found = read_torch_file(tmp_path / "weights.pth")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_cut_file_is_refused(arrays, tmp_path, kept):
    write(tmp_path / "weights.pth", arrays)
    whole = (tmp_path / "weights.pth").read_bytes()
    (tmp_path / "weights.pth").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UserError, match=r"weights\.pth: is no file of weights by PyTorch, or is damaged"):
        read_torch_file(tmp_path / "weights.pth")


def test_nothing_else_is_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    (tmp_path / "evil.pth").write_bytes(
        pickle.dumps(MAGIC, 2) + pickle.dumps(1001) + pickle.dumps({}) + pickle.dumps(Evil())
    )
    with pytest.raises(UserError, match="mkdir"):
        read_torch_file(tmp_path / "evil.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(5)], ids=["empty", "text", "other"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(UserError, match="is no file of weights"):
        read_torch_file(tmp_path / "other.pth")
