"""Hashes and parts of images in, pairs that may be one X-ray in two parts out: leakage that no patient id shows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cxr.images.hashing import different_bits

NEAR_BITS = 10
"""Of 256: re-encoded, resized or re-windowed copies differ in fewer; see `images.hashing`."""


class NearPair(NamedTuple):
    """Rows of two images in different parts, and the number of bits in which their hashes differ."""

    first: int
    second: int
    bits: int


def near_duplicates(
    hashes: np.ndarray, parts: np.ndarray, on_progress: Callable[[int, int], None] | None = None
) -> list[NearPair]:
    """Return the pairs of (N, 4) uint64 `hashes` that differ in at most NEAR_BITS and lie in different `parts` (N,).

    Every image is compared with every image of the other parts: 2 x 10^9 comparisons on all of ChestX-ray14.
    """
    pairs = []
    names = list(dict.fromkeys(parts.tolist()))
    rows_of = {name: np.flatnonzero(parts == name) for name in names}
    done, total = 0, sum(len(rows_of[name]) for name in names[:-1])
    for place, name in enumerate(names[:-1]):
        others = np.concatenate([rows_of[other] for other in names[place + 1 :]])
        there = hashes[others]
        for row in rows_of[name]:
            bits = different_bits(hashes[row], there)
            pairs += [NearPair(int(row), int(others[k]), int(bits[k])) for k in np.flatnonzero(bits <= NEAR_BITS)]
            done += 1
            if on_progress and done % 1000 == 0:
                on_progress(done, total)
    if on_progress:
        on_progress(total, total)
    return sorted(pairs, key=lambda pair: pair.bits)
