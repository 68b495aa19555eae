"""A number of samples in, numpy batches for Keras out: batch k of epoch e is a pure function of (seed, e, k)."""

from collections.abc import Callable

import keras
import numpy as np

ReadBatch = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(row numbers, random generator) -> (inputs, targets)."""


class Batches(keras.utils.PyDataset):
    """One epoch of shuffled batches; keeps no state, so any epoch can be repeated or resumed exactly."""

    def __init__(self, read: ReadBatch, count: int, batch: int, seed: int, epoch: int) -> None:
        super().__init__()
        self._read, self._batch, self._key = read, batch, (seed, epoch)
        self._order = np.random.default_rng([*self._key, 0]).permutation(count)

    def __len__(self) -> int:
        """Number of batches; the last may be smaller."""
        return -(-len(self._order) // self._batch)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch `step` as (inputs, targets)."""
        rows = self._order[step * self._batch : (step + 1) * self._batch]
        return self._read(rows, np.random.default_rng([*self._key, 1 + step]))
