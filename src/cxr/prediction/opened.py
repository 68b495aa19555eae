"""A bundle in, its networks opened by the fastest engine that is installed out."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cxr.config.errors import UserError
from cxr.engines.engine import Engine
from cxr.prediction.bundle import Bundle, Classifier, Network

PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime", "keras": "keras"}
"""Engine -> what must be installed; the fastest on CPUs first."""


@dataclass(frozen=True)
class Opened:
    """The networks of a bundle, ready to run. members: in the order of the bundle."""

    engine: str
    precision: str
    lungs: Engine
    members: list[Engine]
    threads: int

    def __str__(self) -> str:
        return f"{self.engine}, {self.precision}, {self.threads} threads"


def choose_engine(bundle: Bundle, asked: str, precision: str = "f32") -> str:
    """Return the engine that was asked for, or for `auto` the fastest installed one that the bundle has files for.

    Raises UserError when there is none, and for a precision that the bundle does not offer.
    """
    _check_precision(bundle, precision)
    if asked != "auto":
        if asked not in bundle.record.engines:
            have = ", ".join(bundle.record.engines)
            raise UserError(f"{bundle.folder}: has no files for the engine {asked}; it has those of {have}")
        if find_spec(PACKAGES[asked]) is None:
            raise UserError(f"--engine {asked}: the package {PACKAGES[asked]} is not installed")
    able = ["openvino"] if precision != "f32" else [one for one in PACKAGES if one in bundle.record.engines]
    if asked not in ("auto", *able):
        raise UserError(f"--engine {asked}: runs f32 only; {precision} needs the engine openvino")
    found = next((one for one in able if find_spec(PACKAGES[one])), None) if asked == "auto" else asked
    if found is None:
        needed = " or ".join(PACKAGES[one] for one in able)
        raise UserError(f"nothing that is installed can run {bundle.folder} in {precision}; install {needed}")
    return found


def choose_precision(bundle: Bundle, asked: str, engine: str = "auto") -> str:
    """Return the precision asked for. `auto`: bf16 where the bundle offers it and the CPU knows it, else f32."""
    if asked != "auto":
        return asked
    offered = any(one.precision == "bf16" and one.offered for one in bundle.record.precisions)
    if not offered or engine not in ("auto", "openvino") or find_spec(PACKAGES["openvino"]) is None:
        return "f32"
    from cxr.engines.openvino_engine import knows_bf16

    return "bf16" if knows_bf16() else "f32"


def open_bundle(bundle: Bundle, asked: str = "auto", precision: str = "f32", threads: int = 0) -> Opened:
    """Check and open every network, side by side. threads: of the CPU, 0 for all cores.

    Raises UserError as `choose_engine`, and for a file that is missing or was changed.
    """
    engine = choose_engine(bundle, asked, precision)
    threads = threads or core_count()
    make: Callable[..., Engine] = {"openvino": _openvino, "onnx": _onnx, "keras": _keras}[engine]
    # In bf16 lungs cost half as much, and crops move by up to 5 of 320 pixels: a probability by up to 0.4.
    jobs: list[tuple[Network, str]] = [(bundle.record.lungs, "f32")]
    jobs += [(member, precision) for member in bundle.record.members]
    work: Callable[[tuple[Network, str]], Engine] = lambda job: make(bundle, *job, threads)  # noqa: E731
    if engine == "keras":  # imports that must not run side by side
        found = [work(job) for job in jobs]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(work, jobs))
    return Opened(engine, precision, found[0], found[1:], threads)


def core_count() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_dir() -> Path | None:
    """Return the folder for compiled networks, None where none can be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxr" / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def _check_precision(bundle: Bundle, precision: str) -> None:
    measured = {one.precision: one for one in bundle.record.precisions}
    if precision == "f32" or (precision in measured and measured[precision].offered):
        return
    offered = ", ".join(["f32", *(name for name, one in measured.items() if one.offered)])
    why = measured[precision].reason if precision in measured else "it was not measured at export"
    raise UserError(f"--precision {precision}: {bundle.folder} does not offer it ({why}); it offers {offered}")


def _openvino(bundle: Bundle, network: Network, precision: str, threads: int) -> Engine:
    from cxr.engines.openvino_engine import OpenVinoEngine

    path = bundle.file(network, "openvino", precision)
    return OpenVinoEngine(path, batch=1, threads=threads, streams=threads, precision=precision, cache=cache_dir())


def _onnx(bundle: Bundle, network: Network, precision: str, threads: int) -> Engine:
    from cxr.engines.onnx_engine import OnnxEngine

    return OnnxEngine(bundle.file(network, "onnx"), threads)


def _keras(bundle: Bundle, network: Network, precision: str, threads: int) -> Engine:
    from cxr.classification.networks.registry import NETWORKS, backbone_of
    from cxr.engines.keras_engine import KerasEngine
    from cxr.engines.saved import load_model
    from cxr.engines.startup import load_keras

    load_keras()
    if isinstance(network, Classifier) and network.network in NETWORKS:
        backbone_of(network.network)  # its file may register layers of its own
    return KerasEngine(load_model(bundle.file(network, "keras")))
