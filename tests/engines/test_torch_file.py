"""Files as PyTorch writes them, made here byte by byte after its documentation of the formats."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from cxr.config.errors import UserError
from cxr.engines.torch_file import MAGIC, read_torch_file


class Named:
    """Pickles as a class or function of another module, which need not be installed."""

    def __init__(self, module, name, source=""):
        self.module, self.name, self.source = module, name, source


class Tensor:
    def __init__(self, array, key):
        self.array, self.key = array, key


class Parameter(Tensor):
    pass


class Module:
    """An object of a class that need not be installed, with arrays and other such objects below it."""

    def __init__(self, kind, parameters=(), buffers=(), modules=(), **more):
        names = ("_parameters", "_buffers", "_modules")
        self.state = dict(zip(names, map(OrderedDict, (parameters, buffers, modules)), strict=True)) | more
        self.kind = kind


class Pickler(pickle._Pickler):
    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def persistent_id(self, value):
        if isinstance(value, tuple) and value and value[0] == "storage":
            return value
        if isinstance(value, Named) and value.source:
            return ("module", Named(value.module, value.name), "models.py", value.source)
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

    def save_parameter(self, value):
        self.save(Named("torch._utils", "_rebuild_parameter"))
        self.save((Tensor(value.array, value.key), True, OrderedDict()))
        self.write(pickle.REDUCE)

    def save_module(self, value):
        self.save(value.kind)
        self.save(())
        self.write(pickle.NEWOBJ)
        self.save(value.state)
        self.write(pickle.BUILD)

    dispatch[Named], dispatch[Tensor] = save_named, save_tensor
    dispatch[Parameter], dispatch[Module] = save_parameter, save_module


def write(path, arrays, content=None):
    """Write the format before 1.6: a state dictionary, or any content that its arrays belong to."""
    with path.open("wb") as stream:
        for head in (MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, stream, 2)
        Pickler(stream, 2).dump(content or {name: Tensor(array, name) for name, array in arrays.items()})
        pickle.dump(list(arrays), stream, 2)
        for array in arrays.values():
            stream.write(struct.pack("<q", array.size) + array.tobytes(order="A"))


def write_zip(path, arrays, content=None, byteorder="little"):
    """The same in the format since 1.6."""
    stream = io.BytesIO()
    Pickler(stream, 2).dump(content or {name: Tensor(array, name) for name, array in arrays.items()})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", stream.getvalue())
        archive.writestr("weights/byteorder", byteorder)
        for name, array in arrays.items():
            archive.writestr(f"weights/data/{name}", array.tobytes(order="A"))


FORMATS = pytest.mark.parametrize("write_as", [write, write_zip], ids=["legacy", "zip"])


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    kernel = random.normal(size=(4, 3, 2)).astype("<f4")
    return {"kernel": kernel, "turned": np.asfortranarray(kernel[0]), "count": np.arange(5)}


@FORMATS
def test_arrays_come_back_by_name(arrays, tmp_path, write_as):
    write_as(tmp_path / "weights.pth", arrays)
    found = read_torch_file(tmp_path / "weights.pth")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


@FORMATS
def test_arrays_of_a_whole_module_are_named_as_in_its_state(arrays, tmp_path, write_as):
    convolution = Module(Named("torch.nn.modules.conv", "Conv2d"), {"kernel": Parameter(arrays["kernel"], "kernel")})
    counting = Module(
        Named("torch.nn", "Norm"),
        {"bias": None},
        {"count": Tensor(arrays["count"], "count")},
        forgotten=[
            set(),
            np.arange(3),
            np.float64(1.5),
            np.array(["Mass"], dtype=object),
            defaultdict(list, {"a": [1]}),
        ],
    )
    inner = Module(Named("torch.nn", "Sequential"), modules={"0": convolution, "1": counting, "2": None})
    turned = {"turned": Parameter(arrays["turned"], "turned")}
    # a class of the author's own, with its source beside it, as PyTorch before 1.6 wrote it
    whole = Module(
        Named("xrays.models", "Net", "class Net: ..."), turned, modules={"features": inner}, targets=["Mass"]
    )
    write_as(tmp_path / "whole.pt", arrays, whole)
    found = read_torch_file(tmp_path / "whole.pt")
    expected = {"turned": "turned", "features.0.kernel": "kernel", "features.1.count": "count"}
    assert list(found) == list(expected)
    for name, key in expected.items():
        np.testing.assert_array_equal(found[name], arrays[key])


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
@FORMATS
def test_a_cut_file_is_refused(arrays, tmp_path, kept, write_as):
    write_as(tmp_path / "weights.pth", arrays)
    whole = (tmp_path / "weights.pth").read_bytes()
    (tmp_path / "weights.pth").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UserError, match=r"weights\.pth: is no file of weights by PyTorch, or is damaged"):
        read_torch_file(tmp_path / "weights.pth")


class Evil:
    """Makes a folder when it is unpickled by Python itself."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_python_itself_would_do_what_the_file_says(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "made")))
    assert (tmp_path / "made").exists()


def test_nothing_else_is_unpickled(tmp_path):
    heads = pickle.dumps(MAGIC, 2) + pickle.dumps(1001) + pickle.dumps({})
    (tmp_path / "evil.pth").write_bytes(heads + pickle.dumps(Evil(tmp_path / "made")))
    with pytest.raises(UserError, match="mkdir"):
        read_torch_file(tmp_path / "evil.pth")
    assert not (tmp_path / "made").exists()


@FORMATS
def test_what_a_module_carries_along_is_not_executed(arrays, tmp_path, write_as):
    kernel = {"kernel": arrays["kernel"]}
    parameters = {"kernel": Parameter(arrays["kernel"], "kernel")}
    write_as(tmp_path / "evil.pt", kernel, Module(Named("a", "B"), parameters, hook=Evil(tmp_path / "made")))
    assert list(read_torch_file(tmp_path / "evil.pt")) == ["kernel"]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("shape", [(5, 3, 2), (4, 3, 3)])
def test_a_tensor_that_reaches_outside_its_numbers_is_refused(arrays, tmp_path, shape):
    larger = np.lib.stride_tricks.as_strided(arrays["kernel"], shape, arrays["kernel"].strides)
    write_zip(tmp_path / "larger.pt", arrays, {"kernel": Tensor(larger, "kernel")})
    with pytest.raises(UserError, match="a tensor is larger than its storage"):
        read_torch_file(tmp_path / "larger.pt")


def test_numbers_in_another_order_are_refused(arrays, tmp_path):
    write_zip(tmp_path / "big.pt", arrays, byteorder="big")
    with pytest.raises(UserError, match="not little-endian"):
        read_torch_file(tmp_path / "big.pt")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(5)], ids=["empty", "text", "other"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(UserError, match="is no file of weights"):
        read_torch_file(tmp_path / "other.pth")


def tensor_of(count, shape, strides):
    """A pickle of one tensor, with a storage and a shape as it likes to say they are."""
    kind = Named("torch", "FloatStorage")
    arguments = (("storage", kind, "0", "cpu", count, None), 0, shape, strides, False, OrderedDict())
    stream = io.BytesIO()

    class Said:
        pass

    class Liar(Pickler):
        dispatch: ClassVar = dict(Pickler.dispatch)

        def save_said(self, _):
            self.save(Named("torch._utils", "_rebuild_tensor_v2"))
            self.save(arguments)
            self.write(pickle.REDUCE)

        dispatch[Said] = save_said

    Liar(stream, 2).dump({"a": Said()})
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02X\xf0\xff\xff\xffabc.", ""),
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"abc.", ""),
        (b"\x80\x02\x8b\xff\xff\xff\x7f\x01.", ""),
        (b"\x80\x02]r\xff\xff\xff\xff.", "neither a state dictionary nor a module"),
        (b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".", "neither a state dictionary nor a module"),
        (tensor_of(1 << 40, (1 << 40,), (1,)), "a tensor is larger than its storage"),
        (tensor_of(4, (1 << 40,), (0,)), "a tensor is larger than its storage"),
    ],
    ids=["text", "bytes", "number", "memo", "nested", "storage", "stride of 0"],
)
def test_a_file_that_claims_to_be_huge_is_refused(tmp_path, content, reason, small_memory):
    with zipfile.ZipFile(tmp_path / "huge.pt", "w") as archive:
        archive.writestr("weights/data.pkl", content)
        archive.writestr("weights/data/0", bytes(16))
    with pytest.raises(UserError, match=f"huge.pt: is no file of weights .*{reason}"):
        read_torch_file(tmp_path / "huge.pt")


@pytest.fixture
def small_memory():
    """Refuses 16 GB more than the process has, so that a test that would take them fails by itself alone."""
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + (16 << 30), usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, usual)


def test_a_compressed_file_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", tensor_of(4, (4,), (1,)))
        archive.writestr("weights/data/0", bytes(10_000_000))
    with pytest.raises(UserError, match="compressed, as PyTorch never does"):
        read_torch_file(tmp_path / "bomb.pt")
