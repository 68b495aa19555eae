"""How many GPUs SETTINGS.json asks for in, one way to make, train and run a model on them out.

On TensorFlow several are its MirroredStrategy, on JAX keras.distribution, with one device Keras as it is.
"""

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

import keras
import numpy as np

from cxr.config.errors import UserError
from cxr.engines.backend import backend_name, list_devices


class Devices(Protocol):
    """The devices that share each batch."""

    count: int

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which models and optimisers must be made or loaded."""
        ...

    def train_on_batch(self, model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Take one step on a batch of any size and return the loss of the whole of it."""
        ...

    def apply(self, optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Change the variables on all devices by gradients that are known already."""
        ...

    def alone(self, model: keras.Model) -> keras.Model:
        """Return a model with the same weights for inference, which one device does."""
        ...


class OneDevice:
    """Keras as it is."""

    count = 1

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Nothing needs to be known."""
        return contextlib.nullcontext()

    def train_on_batch(self, model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Take one step; the compiled model has no metrics but its loss."""
        return float(model.train_on_batch(inputs, targets))

    def apply(self, optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """As Keras does."""
        optimizer.apply(gradients, variables)

    def alone(self, model: keras.Model) -> keras.Model:
        """It is alone."""
        return model


class SharedByJax(OneDevice):
    """JAX splits the batch, and computes what one device would: statistics of batch normalisation are of all images."""

    def __init__(self, names: list[str]) -> None:
        self.count = len(names)
        self._parallel = _Undivided(devices=names)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Make variables on all devices."""
        return self._parallel.scope()

    def train_on_batch(self, model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Take one step; a batch that cannot be divided evenly is computed whole by each device."""
        with self._parallel.scope():
            return super().train_on_batch(model, inputs, targets)


class _Undivided(keras.distribution.DataParallel):
    """Data parallelism that does not fail at the last, smaller batch of an epoch."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        """Split the images, or leave them together where they are no multiple of the devices."""
        divides = data_shape[0] % self.num_model_replicas == 0
        axes = [self.batch_dim_name if divides else None, *[None] * (len(data_shape) - 1)]
        return keras.distribution.TensorLayout(axes, self.device_mesh)


def open_devices(asked: int | str, batch: int) -> Devices:
    """Return the devices for `devices` of SETTINGS.json: a number, or "all" GPUs (without one, all CPU devices).

    Raises UserError when there are not so many, when this backend cannot share a batch, or when a batch has fewer
    images than there are devices or, on JAX, does not divide.
    """
    if asked == 1:
        return OneDevice()
    backend = backend_name()
    names = list_devices()
    count = len(names) if asked == "all" else int(asked)
    if count > len(names):
        raise UserError(f"devices: {count} are asked for, found {len(names)} ({', '.join(names)})")
    if count == 1:
        return OneDevice()
    if backend not in ("tensorflow", "jax"):
        raise UserError(
            f'devices: {count} cannot share a batch with KERAS_BACKEND={backend}; use 1, or "tensorflow" or "jax"'
        )
    if batch < count or (backend == "jax" and batch % count):
        wanted = f"a multiple of {count} is needed" if backend == "jax" else f"at least {count} are needed"
        raise UserError(f"training.batch: {batch} images cannot be shared by {count} devices; {wanted}")
    if backend == "jax":
        return SharedByJax(names[:count])
    from cxr.training.on_tensorflow import Mirrored

    return Mirrored(names[:count])


def speed_up(model: keras.Model) -> None:
    """Let the model train by faster operations of its backend where there are some; results are the same."""
    if backend_name() == "tensorflow":
        from cxr.training.on_tensorflow import fuse_norms

        fuse_norms(model)
