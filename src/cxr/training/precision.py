"""The precision of a training in; layers that compute in it, and a copy in float32 for everything after, out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from cxr.config.errors import UserError
from cxr.engines.backend import backend_name, has_gpu
from cxr.training.optimizers import averages

FLOAT32, ONEDNN = "float32", "onednn_bfloat16"


@contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in `precision`; their weights are float32 in any case.

    Of `onednn_bfloat16` they know nothing: see `steps_in`. Raises UserError where that cannot be had.
    """
    if precision == ONEDNN and (backend_name() != "tensorflow" or has_gpu()):
        found = "a GPU" if backend_name() == "tensorflow" else f"KERAS_BACKEND={backend_name()}"
        raise UserError(f'training.precision: "{ONEDNN}" is of TensorFlow on CPUs, found {found}; use "mixed_bfloat16"')
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(FLOAT32 if precision == ONEDNN else precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def steps_in(precision: str) -> AbstractContextManager[None]:
    """Return the context of training steps in `precision`; only `onednn_bfloat16` needs one, and it ends with it."""
    if precision != ONEDNN:
        return nullcontext()
    from cxr.training.on_tensorflow import onednn_bfloat16

    return onednn_bfloat16()


class Inference:
    """The network that a training makes, as it is validated, saved and used: float32, with averaged weights if any.

    Without mixed precision and averaging that is the network in training itself, otherwise a copy of it, so that
    neither the training nor any engine or heatmap needs to know of the other.
    """

    def __init__(self, model: keras.Model, alone: keras.Model | None = None) -> None:
        """alone: the same network as one device runs it, where several train it."""
        self._model, self._alone, self._copy = model, alone or model, None

    def current(self) -> keras.Model:
        """Return the network with the weights of this moment; the same object every time."""
        model, means = self._model, averages(self._model)
        precisions = {layer.dtype_policy.name for layer in model.layers} - {FLOAT32}
        if means is None and not precisions:
            return self._alone
        if self._copy is None:
            self._copy = model.__class__.from_config(_in_float32(model.get_config(), precisions))
        learning = {id(variable): mean for variable, mean in zip(model.trainable_variables, means or (), strict=False)}
        for layer in self._copy.layers:  # by name: a copy may list parallel branches in another order
            for variable, own in zip(model.get_layer(layer.name).weights, layer.weights, strict=True):
                mean = learning.get(id(variable))
                own.assign(keras.ops.convert_to_numpy(variable) if mean is None else mean)
        return self._copy


def _in_float32(config: Any, precisions: set[str]) -> Any:
    """A model's configuration with every layer's policy replaced."""
    if isinstance(config, dict):
        return {key: _in_float32(value, precisions) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_in_float32(value, precisions) for value in config)
    return FLOAT32 if isinstance(config, str) and config in precisions else config
