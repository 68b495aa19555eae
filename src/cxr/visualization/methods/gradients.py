"""A network in, a function out that gives gradients of the logits of all findings for a batch, by TensorFlow."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cxr.config.errors import UserError
from cxr.engines.backend import backend_name
from cxr.visualization.methods.head import with_logits

BATCH = 16
"""Images of which the activations are held at once."""
PASSING = ("linear", "sigmoid", "hard_sigmoid", "softmax")
"""Activations that guided backpropagation leaves as they are: of gates and of the answer."""


def compile_gradients(
    model: keras.Model,
    target: np.ndarray,
    combine: Callable[[Any, Any], Any],
    method: str,
    of_image: bool = False,
    batch: int = BATCH,
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function: images (N, S, S, 1) -> probabilities (N, K) and maps (N, h, w, M), M of them for every row.

    The network runs forward once; then its logits times `target` (K, M) are followed back, one after the other, to
    `features` or to the image. combine: features or images and their gradient for one target, both (N, h, w, C), ->
    (N, h, w). Raises UserError where Keras does not run on TensorFlow.
    """
    need_tensorflow(method)
    from cxr.training.on_tensorflow import compile_pullbacks

    explain = compile_pullbacks(with_logits(model), target, combine, of_image)

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [explain(images[i : i + batch].astype(np.float32)) for i in range(0, len(images), batch)]
        probabilities, maps = (np.concatenate([np.asarray(one) for one in each]) for each in zip(*parts, strict=True))
        return probabilities, maps

    return run


def need_tensorflow(method: str) -> None:
    """Raise UserError where Keras runs on another backend."""
    if (backend := backend_name()) != "tensorflow":
        raise UserError(
            f'heatmaps.method: "{method}" of this network takes gradients, which need TensorFlow; Keras runs on '
            f'{backend}; use "grad_cam" with a member whose head is linear, or KERAS_BACKEND=tensorflow'
        )


class Guard(keras.layers.Layer):
    """What it is given, but negative gradients do not come back through it; never saved."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Any shape in, the same out."""
        return _guard(x)


@keras.ops.custom_gradient
def _guard(x: Any) -> tuple[Any, Callable[..., Any]]:
    return x, lambda *args, upstream=None: keras.ops.relu(args[0] if upstream is None else upstream)


def guard_relus(model: keras.Model, method: str) -> keras.Model:
    """Return a copy of a network that computes the same, but lets no negative gradient back into any ReLU.

    Guided backpropagation (Springenberg et al., ICLR 2015 workshop, section 3.4): besides where its input was
    negative, as always, a ReLU passes nothing back where the gradient is negative. Raises UserError for a network with
    other activations, for which nobody has defined it.
    """

    def call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        output = layer(*inputs, **options)
        return Guard()(output) if _is_relu(layer, model.name, method) else output

    guarded = keras.models.clone_model(model, call_function=call)
    for layer in model.layers:  # by name: a copy may list parallel branches in another order
        if layer.weights:
            guarded.get_layer(layer.name).set_weights(layer.get_weights())
    return guarded


def _is_relu(layer: keras.layers.Layer, network: str, method: str) -> bool:
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    if isinstance(layer, keras.layers.ReLU) or name in ("relu", "relu6"):
        return True
    if name not in (None, *PASSING):
        raise UserError(
            f'heatmaps.method: "{method}" is defined for ReLU alone; model {network} has {name} (layer {layer.name!r})'
        )
    return False
