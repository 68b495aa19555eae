"""Optimiser parameters in, a Keras optimiser out; and what Keras leaves to do around one."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from cxr.config.optimizer import AdamW, Optimizer, Sgd

Apply = Callable[[keras.optimizers.Optimizer, Sequence[Any], Sequence[keras.Variable]], None]
"""(optimiser, a gradient for each variable, variables)"""
NO_DECAY = ("bias", "gamma", "beta")
"""Names of weights that AdamW does not shrink: biases, and scale and offset of normalisations."""


def make_optimizer(optimizer: Optimizer, accumulate: int = 1, loss_scaling: bool = False) -> keras.optimizers.Optimizer:
    """Return the optimiser at its peak rate; the schedule sets the rate before every step.

    loss_scaling: scale the loss so that gradients do not vanish in float16, and leave out steps in which they
    overflow (Micikevicius et al., ICLR 2018).
    """
    options = {"learning_rate": float(optimizer.learning_rate), "global_clipnorm": optimizer.clip_norm}
    if accumulate > 1:
        options["gradient_accumulation_steps"] = accumulate
    if optimizer.ema is not None:  # Keras moves the mean at every step, also between updates
        options |= {"use_ema": True, "ema_momentum": optimizer.ema ** (1 / accumulate)}
    if isinstance(optimizer, AdamW):
        made = keras.optimizers.AdamW(weight_decay=optimizer.weight_decay, **options)
    elif isinstance(optimizer, Sgd):
        made = keras.optimizers.SGD(momentum=optimizer.momentum, nesterov=optimizer.nesterov, **options)
    else:
        made = keras.optimizers.Adam(**options)
    _spare_from_decay(made)
    return keras.optimizers.LossScaleOptimizer(made) if loss_scaling else made


def renewed(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return an optimiser of the same kind and parameters that has not made a step yet."""
    new = optimizer.__class__.from_config(optimizer.get_config())
    _spare_from_decay(inner_of(new))
    return new


def inner_of(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimiser that changes the weights: the one within loss scaling, or itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def apply_left_over(model: keras.Model, apply: Apply) -> None:
    """Update the weights by the mean of the gradients that still wait for more; nothing to do without accumulation.

    Keras would carry them into the next epoch, and lose those of the last. The step counter goes on to a whole number
    of updates, so that the next epoch begins with none. apply: how the optimiser is applied on the devices in use.
    """
    inner = inner_of(model.optimizer)
    together = inner.gradient_accumulation_steps
    waiting = _steps(inner) % together if together else 0
    if not waiting:
        return
    for gradient in inner._accumulated_gradients:
        gradient.assign(gradient * (together / waiting))  # it will be divided by `together`
    inner._iterations.assign_add(together - waiting - 1)
    variables = model.trainable_variables
    zeros = [keras.ops.zeros(variable.shape, variable.dtype) for variable in variables]
    apply(inner, zeros, variables)


def averages(model: keras.Model) -> list[np.ndarray] | None:
    """Return the running means of the trainable weights, in their order; None for an optimiser that keeps none."""
    inner = inner_of(model.optimizer)
    if not inner.use_ema:
        return None
    if not _steps(inner):
        return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    return [keras.ops.convert_to_numpy(mean) for mean in inner._model_variables_moving_average]


def _steps(optimizer: keras.optimizers.Optimizer) -> int:
    """How many steps it has made; int() does not read a variable that lies on several devices."""
    return int(keras.ops.convert_to_numpy(optimizer._iterations))


def _spare_from_decay(optimizer: keras.optimizers.Optimizer) -> None:
    """Keras does not save which weights are spared: say so again for every optimiser that is made."""
    if optimizer.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
