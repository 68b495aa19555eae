"""OpenVINO as an engine, faster than `predict` on CPUs: a keras.Model in, .xml/.bin files and then outputs out."""

import logging
import sys
from pathlib import Path

import numpy as np

# With this package OpenVINO tells its makers of every import, and keeps a number for this user in ~/intel.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402


def export_openvino(model: "object", folder: Path) -> Path:
    """Convert a keras.Model with fixed input size to float32 OpenVINO files in `folder`; return the .xml path."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, path = folder / "raw.xml", folder / "network.xml"
    model.export(str(raw), format="openvino", verbose=False)
    network = openvino.Core().read_model(raw)
    # The converter appends inner shapes as outputs of their own; the model's outputs come first, in their order.
    own = network.get_results()[: len(model.outputs)]
    for result, output in zip(own, model.outputs, strict=True):
        shape = result.get_output_partial_shape(0)
        if [shape[i].get_length() for i in range(1, len(shape))] != list(output.shape[1:]):
            raise RuntimeError(f"OpenVINO gives {shape} where {model.name} gives {output.shape}")
    openvino.serialize(openvino.Model(own, network.get_parameters(), model.name), path)
    return path


def quantise_openvino(path: Path, target: Path, images: np.ndarray) -> None:
    """Write 8-bit files of a float32 network, by NNCF's quantisation after training.

    images: (N, H, W, 1) float32 0..255, from which it takes the ranges of values between the layers.
    """
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    network = openvino.Core().read_model(path)
    given = nncf.Dataset([image[None] for image in images])
    preset = nncf.QuantizationPreset.MIXED  # also for what no ReLU keeps from being negative
    made = nncf.quantize(network, given, preset=preset, subset_size=len(images))
    openvino.save_model(made, target, compress_to_fp16=False)


def knows_bf16() -> bool:
    """Return whether this CPU has instructions for bf16; others run it as f32."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoEngine:
    """Runs .xml/.bin files on the CPU.

    batch: fixed number of images per inference; the last is padded, so that results do not depend on how images are
    grouped. threads: CPU threads, 0 for all cores. streams: inferences that run side by side, each on its share of the
    threads; more of them do more in all and take longer each. precision: f32, bf16 where the CPU knows it, or int8 for
    a file that `quantise_openvino` wrote, whose other layers stay f32. cache:
    folder for what was compiled, so that the next process opens it at once.
    """

    name = "openvino"

    def __init__(
        self,
        path: Path,
        batch: int = 16,
        threads: int = 0,
        streams: int = 1,
        precision: str = "f32",
        cache: Path | None = None,
    ) -> None:
        core = openvino.Core()
        network = core.read_model(path)
        network.reshape({0: [batch, *[side.get_length() for side in network.input(0).partial_shape[1:]]]})
        # By default each process ties its threads to the first cores: all workers would then share one core.
        options = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,
        }
        if streams > 1:
            options["NUM_STREAMS"] = str(streams)
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        if cache:
            options["CACHE_DIR"] = str(cache)
        self._compiled = core.compile_model(network, "CPU", options)
        self._batch, self._streams = batch, streams

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, H, W, 1) float32 0..255 in; one float32 array (N, ...) per output out."""
        starts = range(0, len(images), self._batch)
        # Requests of its own, so that threads may share the engine; waited for in turn: a callback could be the last to
        # hold the network, and OpenVINO cannot take it down from there.
        requests = [self._compiled.create_infer_request() for _ in starts[: self._streams]]
        parts = []
        for place, start in enumerate(starts):
            if place >= len(requests):
                parts.append(self._read(requests[place % len(requests)]))
            batch = images[start : start + self._batch]
            missing = self._batch - len(batch)
            padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
            requests[place % len(requests)].start_async(padded.astype(np.float32, copy=False))
        parts += [self._read(requests[place % len(requests)]) for place in range(len(parts), len(starts))]
        return [np.concatenate(arrays)[: len(images)] for arrays in zip(*parts, strict=True)]

    def _read(self, request: openvino.InferRequest) -> list[np.ndarray]:
        """The outputs of one inference when it is done, copied: the request is used again."""
        request.wait()
        return [np.array(request.get_output_tensor(place).data) for place in range(len(self._compiled.outputs))]
