"""Schedule parameters, a place in the run and the validation losses so far in; the learning rate there out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxr.config.optimizer import Cosine, Plateau, Schedule, Step

LEAST_FALL = 1e-4
"""A validation loss must be lower than the lowest before it by this much to count as progress."""

Rate = Callable[[int, int, Sequence[float]], float]
"""(epoch from 0, step of it, validation losses of all epochs before it) -> learning rate."""


@dataclass(frozen=True)
class RunLength:
    """epochs: of the run. steps: of an epoch. accumulate: steps of one update of the weights."""

    epochs: int
    steps: int
    accumulate: int = 1

    @property
    def updates(self) -> int:
        """Updates of the weights per epoch; the last may be of fewer steps."""
        return -(-self.steps // self.accumulate)

    def update_at(self, epoch: int, step: int) -> int:
        """Return the number, from 0, of the update that a step belongs to; of the step after the last, the next one."""
        return epoch * self.updates + (self.updates if step >= self.steps else step // self.accumulate)


def make_rate(schedule: Schedule, peak: float, length: RunLength) -> Rate:
    """Return the function that tells the learning rate: a pure one, so that a resumed run has the same."""

    def rate(epoch: int, step: int, losses: Sequence[float]) -> float:
        if isinstance(schedule, Cosine):
            return cosine(length.update_at(epoch, step), length.epochs * length.updates, peak, schedule.warmup_fraction)
        if isinstance(schedule, Step):
            return peak * schedule.factor ** (epoch // schedule.every)
        if isinstance(schedule, Plateau):
            return peak * schedule.factor ** plateaus(losses[:epoch], schedule.patience)
        return peak

    return rate


def cosine(update: int, total: int, peak: float, warmup_fraction: float) -> float:
    """Rise in a line from 0, then fall along half a cosine to 0 at `total` (Loshchilov & Hutter, ICLR 2017).

    In float32, operation by operation as Keras' CosineDecay computes it.
    """
    one = np.float32
    warmup = round(warmup_fraction * total)
    if update < warmup:
        return float(one(peak) * (one(update) / one(warmup)))
    done = one(min(update, total) - warmup) / one(max(total - warmup, 1))
    return float(one(peak) * (one(0.5) * (one(1) + one(math.cos(one(math.pi) * done)))))


def plateaus(losses: Sequence[float], patience: int) -> int:
    """Return how often the loss stood still for `patience` epochs, as keras.callbacks.ReduceLROnPlateau counts."""
    lowest, waited, count = math.inf, 0, 0
    for loss in losses:
        if loss < lowest - LEAST_FALL:
            lowest, waited = loss, 0
            continue
        waited += 1
        if waited >= patience:
            waited, count = 0, count + 1
    return count
