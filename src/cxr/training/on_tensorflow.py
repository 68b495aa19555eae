"""What Keras cannot do, or does slower, on TensorFlow: fused batch normalisation, bfloat16, devices, gradients.

The one file beside the writer of TFRecords that imports TensorFlow. Models, what they compute and what is saved of them
stay Keras' own.
"""

import contextlib
import functools
import os
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework import ops

from cxr.config.errors import UserError

NOT_IN_BFLOAT16 = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_ALLOWLIST_REMOVE"
"""The environment variable in which TensorFlow looks for operations that it is to leave in float32."""


def fuse_norms(model: keras.Model) -> None:
    """Let the batch normalisations of a model train by TensorFlow's fused operation: 1.15 to 1.25 times faster steps.

    Keras 3 composes them of separate operations. Function, gradients and moving statistics are the same but for
    rounding; inference is untouched, and a saved model holds plain `BatchNormalization` layers.
    """
    for layer in model.layers:
        if type(layer) is layers.BatchNormalization and layer.input_spec.ndim == 4 and layer.axis in (-1, 3):
            layer.call = types.MethodType(_fused_call, layer)


def _fused_call(layer: layers.BatchNormalization, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """`BatchNormalization.call` of (N, H, W, C) while training, as one operation."""
    as_usual = not training or not layer.trainable  # inference
    if as_usual or mask is not None or layer.renorm or layer.synchronized or inputs.dtype == tf.float64:
        return layers.BatchNormalization.call(layer, inputs, training=training, mask=mask)
    x = tf.cast(inputs, tf.float32)  # as Keras does under mixed precision
    channels = x.shape[-1]
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x,
        scale=tf.ones([channels]) if layer.gamma is None else layer.gamma.value,
        offset=tf.zeros([channels]) if layer.beta is None else layer.beta.value,
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(x) // channels, tf.float32)
    variance *= tf.maximum(count - 1, 1) / count  # the operation gives n / (n - 1) of what Keras averages
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))
    return tf.cast(y, layer.compute_dtype)


@contextlib.contextmanager
def onednn_bfloat16() -> Iterator[None]:
    """Let TensorFlow compute in bfloat16 on CPUs where it holds that to be harmless: convolutions and between them.

    It changes the graphs of functions as they run, and weights, models and their policies stay float32. On a CPU
    without instructions for bfloat16 (AMX, AVX512-BF16) it does nothing. The option is one of the whole process.

    Products of matrices stay float32, and with them head and loss: of a probability above 0.998 bfloat16 makes 1, of
    its complement 0, and of the logarithm of that a loss of nan.
    """
    option = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: True})
    kept = os.environ.get(NOT_IN_BFLOAT16)
    os.environ[NOT_IN_BFLOAT16] = "MatMul,BatchMatMul,BatchMatMulV2,Einsum"
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})
        os.environ.pop(NOT_IN_BFLOAT16)
        os.environ.update({} if kept is None else {NOT_IN_BFLOAT16: kept})


def forget_gradients() -> None:
    """Take gradients that were defined while functions were traced out of TensorFlow's table of them.

    It gets one more at every use of `tf.custom_gradient` in a function (by each step's optimiser, by swish), which
    holds the graph of the whole function, and never loses one.
    """
    table = ops.gradient_registry._registry
    for name in [name for name in table if name.startswith("CustomGradient-")]:
        del table[name]


class Mirrored:
    """Several devices of one machine: each holds the whole network and sees its share of the images of a batch.

    Keras' `train_on_batch` would give every device the whole batch. Here the loss is taken once of the predictions of
    all, so that masked labels, losses over pairs and batches that do not divide are right as well, and the optimiser
    sees the gradient of the whole batch, before it clips or accumulates: a step is that of one device, but for what a
    device does with its own images: statistics of batch normalisation (the moving ones are averaged) and dropout.
    """

    def __init__(self, names: list[str]) -> None:
        """names: of the devices, as `cxr.engines.backend.list_devices` gives them."""
        self.count = len(names)
        self._strategy = _strategy_of(tuple(names))
        self._made_for: list[Any] = []

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which models and optimisers must be made or loaded."""
        return self._strategy.scope()

    def alone(self, model: keras.Model) -> keras.Model:
        """Return the same network with the same weights, to be run on the first device only."""
        return keras.Model(model.inputs, model.outputs, name=model.name)

    def apply(self, optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Change the variables on all devices; outside a graph Keras' optimisers cannot."""
        tf.function(lambda: optimizer.apply(gradients, variables))()

    def train_on_batch(self, model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Take one step and return the loss of the whole batch."""
        wanted = [model, model.optimizer, *(variable.path for variable in model.trainable_variables)]
        if self._made_for != wanted:  # a model that is compiled anew, or more of it trainable, has another step
            values = model.loss.call(tf.constant(targets), tf.zeros((len(targets), *model.output_shape[1:])))
            if model.loss.reduction != "sum_over_batch_size" or not values.shape.rank:
                raise ValueError(f"{model.loss.name} is no mean over images, which alone Keras divides by the devices")
            if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
                raise UserError("devices: TensorFlow's several GPUs and float16 do not go together; use bfloat16, or 1")
            with self.scope():
                model.optimizer.build(model.trainable_variables)
            self._step, self._made_for = self._make_step(model), wanted
        rows = np.array_split(np.arange(len(inputs)), self.count)
        parts = self._deal([inputs[own if len(own) else [0]] for own in rows])  # none is empty, for the statistics
        weights = self._deal([np.float32(len(own) / len(inputs)) for own in rows])
        before = self._deal([np.int32(own[0] if len(own) else 0) for own in rows])
        return float(self._step(parts, before, weights, tf.convert_to_tensor(targets)))

    def _deal(self, values: list[Any]) -> Any:
        """Give each device one of the values."""
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(values[context.replica_id_in_sync_group])
        )

    def _make_step(self, model: keras.Model) -> Any:
        """Return the function that updates the model: (parts, first row and weight of each, all targets) -> loss."""
        strategy, trained = self._strategy, model.trainable_variables

        def on_one_device(part: Any, before: Any, weight: Any, targets: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
            context = tf.distribute.get_replica_context()
            _part_ways(model, context.replica_id_in_sync_group)
            with tf.GradientTape() as tape:
                mine = model(part, training=True)
                mine = tf.where(weight > 0, mine, tf.zeros_like(mine))
                after = tf.maximum(tf.shape(targets)[0] - before - tf.shape(mine)[0], 0)
                padded = tf.pad(mine, [[before, after], *[[0, 0]] * (len(mine.shape) - 1)])
                everyones = context.all_reduce(tf.distribute.ReduceOp.SUM, padded)
                loss = model.compute_loss(x=part, y=targets, y_pred=everyones, training=True)  # / number of devices
            gradients = tape.gradient(loss, [variable.value for variable in trained])
            _average_norms(model, weight, context)
            return loss, context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)

        @tf.function(reduce_retracing=True)
        def step(parts: Any, before: Any, weights: Any, targets: tf.Tensor) -> tf.Tensor:
            losses, gradients = strategy.run(on_one_device, args=(parts, before, weights, targets))
            model.optimizer.apply([strategy.experimental_local_results(one)[0] for one in gradients], trained)
            return tf.add_n(strategy.experimental_local_results(losses))

        return step


@functools.cache
def _strategy_of(names: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """One for the process: TensorFlow takes the sums over devices of two for the same ones."""
    return tf.distribute.MirroredStrategy(names)


def _part_ways(model: keras.Model, device: tf.Tensor) -> None:
    """Let layers that draw do so otherwise on every device, or all would drop the same of their images."""
    for layer in model.layers:
        if generator := getattr(layer, "seed_generator", None):
            offset = tf.cast(tf.stack([device, 0]), generator.state.dtype)
            generator.state.assign(generator.state + offset)


def _average_norms(model: keras.Model, weight: tf.Tensor, context: tf.distribute.ReplicaContext) -> None:
    """Make the moving statistics of all devices their mean, weighted by the number of images each saw."""
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization) and layer.trainable]
    moving = [variable for layer in norms for variable in (layer.moving_mean, layer.moving_variance)]
    if moving:
        means = context.all_reduce(tf.distribute.ReduceOp.SUM, [weight * variable for variable in moving])
        for variable, mean in zip(moving, means, strict=True):
            variable.assign(mean)


def compile_pullbacks(
    model: keras.Model, target: np.ndarray, combine: Callable[[Any, Any], Any], of_image: bool
) -> Callable[[np.ndarray], tuple[tf.Tensor, tf.Tensor]]:
    """Return one graph: images (N, H, W, C) float32 -> probabilities (N, K) and for M targets maps (N, h, w, M).

    model: with outputs [probabilities, logits, features]. target: (K, M), sums of logits. They are followed back one
    after the other through one forward pass, to the images or to the features; combine: those and their gradient for
    one target, both (N, h, w, C), -> (N, h, w). Rows do not meet anywhere in a network that does not train, so the
    gradient of a sum over the rows is every row's own.
    """

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.float32)])
    def explain(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(images)
            probabilities, logits, features = model(images, training=False)
            scores = tf.matmul(logits, tf.constant(target, logits.dtype))
        source = images if of_image else features

        def follow(number: tf.Tensor) -> tf.Tensor:
            weights = tf.broadcast_to(tf.one_hot(number, target.shape[1], dtype=scores.dtype), tf.shape(scores))
            return combine(source, tape.gradient(scores, source, output_gradients=weights))

        maps = tf.map_fn(follow, tf.range(target.shape[1]), fn_output_signature=tf.float32, parallel_iterations=1)
        return probabilities, tf.transpose(maps, (1, 2, 3, 0))

    return explain
