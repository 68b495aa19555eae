"""ONNX Runtime as an engine: a keras.Model in, an .onnx file and then outputs out. Needs requirements-onnx.txt."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

BATCH = 8


def export_onnx(model: "object", path: Path) -> None:
    """Write a keras.Model with fixed input size as a float32 ONNX file. Raises ImportError without tf2onnx."""
    import tf2onnx  # noqa: F401  (said here, before any work)

    path.parent.mkdir(parents=True, exist_ok=True)
    model = _with_plain_arithmetic(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx asks numpy for names of old
        model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras exports what was called once
        model.export(str(path), format="onnx", verbose=False)


def _with_plain_arithmetic(model: "object") -> "object":
    """A copy whose Normalization layers are Rescaling layers: their constants tf2onnx takes for further inputs."""
    import keras

    if not any(isinstance(layer, keras.layers.Normalization) for layer in model.layers):
        return model

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if not isinstance(layer, keras.layers.Normalization):
            return layer.__class__.from_config(layer.get_config())
        mean, variance = (np.asarray(keras.ops.convert_to_numpy(one)).ravel() for one in (layer.mean, layer.variance))
        deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
        return keras.layers.Rescaling(
            (1 / deviation).tolist(), offset=(-mean / deviation).tolist(), name=layer.name, dtype=layer.dtype_policy
        )

    copy = keras.models.clone_model(model, clone_function=replace)
    for old, new in zip(model.layers, copy.layers, strict=True):
        if not isinstance(old, keras.layers.Normalization):
            new.set_weights(old.get_weights())
    return copy


class OnnxEngine:
    """Runs an .onnx file on the CPU in float32. threads: of the CPU, 0 for all cores."""

    name = "onnx"

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Images (N, H, W, 1) float32 0..255 in; one float32 array (N, ...) per output out."""
        parts = [self._session.run(None, {self._input: batch}) for batch in _batches(images)]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _batches(images: np.ndarray) -> Iterable[np.ndarray]:
    for start in range(0, len(images), BATCH):
        yield np.ascontiguousarray(images[start : start + BATCH], dtype=np.float32)
