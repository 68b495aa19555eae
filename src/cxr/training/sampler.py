"""`training.sampler` and the training targets in, the images of each epoch out: a pure function of (seed, epoch)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxr.config.errors import UserError
from cxr.config.sampler import Sampler
from cxr.training.batches import order_generator

Order = Callable[[int], np.ndarray]
"""Epoch -> (n,) positions of the images it shows, in this order; n is the same for every epoch."""
PRESENT = 0.5


def make_order(sampler: Sampler, targets: np.ndarray, findings: Sequence[str], seed: int) -> tuple[Order, list[str]]:
    """Return the order of any epoch, and a sentence for everything that cannot be drawn.

    targets: (m, K) in [0, 1] or NaN, of the images to draw from; above 1/2 an image has the finding. Raises UserError
    where findings are to be drawn and no image has any.
    """
    count, notes = len(targets), []
    length = sampler.images_per_epoch or count
    if sampler.name == "shuffled":
        return lambda epoch: _shuffled(count, length, seed, epoch), notes
    if sampler.name == "random":
        return lambda epoch: order_generator(seed, epoch).integers(count, size=length), notes
    pools, notes = _pools(targets, findings)
    share = sampler.no_finding_share if len(pools.empty) else 0.0
    if sampler.no_finding_share > share:
        notes.append("training.sampler: no training image is without findings; only such with findings are drawn")
    return lambda epoch: _balanced(pools, length, share, order_generator(seed, epoch)), notes


def _shuffled(count: int, length: int, seed: int, epoch: int) -> np.ndarray:
    """Return the stretch of `length` that belongs to this epoch out of one endless row of shuffled passes."""
    start = epoch * length
    first, last = start // count, (start + length - 1) // count
    passes = [order_generator(seed, number).permutation(count) for number in range(first, last + 1)]
    return np.concatenate(passes)[start - first * count :][:length]


@dataclass(frozen=True)
class _Pools:
    """Positions of the images with each finding one after the other, where each begins, how many; and of the others."""

    images: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    empty: np.ndarray


def _pools(targets: np.ndarray, findings: Sequence[str]) -> tuple[_Pools, list[str]]:
    """Return what class_balanced draws from, without findings that no image has, and a sentence for each of these."""
    present = targets > PRESENT  # False where unknown
    counts = present.sum(axis=0)
    if not counts.any():
        raise UserError(
            'training.sampler: no training image has any of the findings, so "class_balanced" has nothing to draw; use '
            '"shuffled"'
        )
    notes = [
        f"training.sampler: no training image has {name}, which is not drawn"
        for name, images in zip(findings, counts, strict=True)
        if not images
    ]
    empty = np.flatnonzero(~present.any(axis=1) & ~np.isnan(targets).all(axis=1))
    counts = counts[counts > 0]
    return _Pools(np.nonzero(present.T)[1], np.cumsum(counts) - counts, counts, empty), notes


def _balanced(pools: _Pools, length: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw `length` images: with probability `share` one without findings, else a finding and one of its images."""
    finding = rng.integers(len(pools.counts), size=length)
    order = pools.images[pools.starts[finding] + rng.integers(pools.counts[finding])]
    without = rng.random(length) < share
    if share:
        order[without] = pools.empty[rng.integers(len(pools.empty), size=without.sum())]
    return order
