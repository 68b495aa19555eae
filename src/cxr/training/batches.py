"""A number of samples in, numpy batches out: batch k of epoch e is a pure function of (seed, e, k)."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

ReadBatch = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(row numbers, random generator) -> (inputs, targets)."""

READERS, AHEAD = 2, 8  # threads that read, and batches they may be ahead of the training


def order_generator(seed: int, epoch: int) -> np.random.Generator:
    """Return what draws the order of an epoch's samples; the batches' own generators have other streams."""
    return np.random.default_rng([seed, epoch, 0])


class Batches:
    """One epoch of batches; keeps no state, so any epoch can be repeated or resumed exactly.

    Keras would read a `PyDataset` through tf.data, whose tuning thread holds up the end of every epoch for as long as
    half a minute (TensorFlow 2.21).
    """

    def __init__(
        self, read: ReadBatch, count: int, batch: int, seed: int, epoch: int, order: np.ndarray | None = None
    ) -> None:
        """order: the samples of this epoch as a sampler chose them; when not given, all `count` in random order."""
        self._read, self._batch, self._key = read, batch, (seed, epoch)
        self._order = order_generator(seed, epoch).permutation(count) if order is None else order

    def __len__(self) -> int:
        """Number of batches; the last may be smaller."""
        return -(-len(self._order) // self._batch)

    def rows(self, step: int) -> np.ndarray:
        """Numbers of the samples of batch `step`."""
        return self._order[step * self._batch : (step + 1) * self._batch]

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch `step` as (inputs, targets)."""
        return self._read(self.rows(step), np.random.default_rng([*self._key, 1 + step]))

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All batches in order, the next ones read by threads meanwhile."""
        with ThreadPoolExecutor(READERS) as readers:
            waiting = deque(readers.submit(self.__getitem__, step) for step in range(min(AHEAD, len(self))))
            try:
                for step in range(len(self)):
                    batch = waiting.popleft().result()
                    if step + AHEAD < len(self):
                        waiting.append(readers.submit(self.__getitem__, step + AHEAD))
                    yield batch
            finally:
                readers.shutdown(wait=False, cancel_futures=True)
