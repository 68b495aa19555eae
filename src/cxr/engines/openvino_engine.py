"""OpenVINO as an engine, faster than `predict` on CPUs: a keras.Model in, .xml/.bin files and then outputs out."""

from pathlib import Path

import numpy as np
import openvino


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


class OpenVinoEngine:
    """Runs .xml/.bin files on the CPU in float32.

    batch: fixed number of images per inference; the last is padded, so that results do not depend on how images are
    grouped. threads: CPU threads, 0 for all cores.
    """

    name = "openvino"

    def __init__(self, path: Path, batch: int = 16, threads: int = 0) -> None:
        core = openvino.Core()
        network = core.read_model(path)
        network.reshape({0: [batch, *[side.get_length() for side in network.input(0).partial_shape[1:]]]})
        # By default each process ties its threads to the first cores: all workers would then share one core.
        options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(network, "CPU", options)
        self._batch = batch

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, H, W, 1) float32 0..255 in; one float32 array (N, ...) per output out."""
        parts = []
        request = self._compiled.create_infer_request()  # one of its own, so that threads may share the engine
        for start in range(0, len(images), self._batch):
            batch = images[start : start + self._batch]
            missing = self._batch - len(batch)
            padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
            result = request.infer(padded.astype(np.float32, copy=False))
            parts.append([np.array(result[output][: len(batch)]) for output in self._compiled.outputs])
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
