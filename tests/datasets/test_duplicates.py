"""Pairs that look the same are found across parts, and only there."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.datasets.duplicates import NEAR_BITS, near_duplicates


def flipped(row, bits, rng):
    """The hash with so many of its 256 bits turned over."""
    places = rng.choice(256, bits, replace=False)
    changed = np.unpackbits(row.view(np.uint8))
    changed[places] ^= 1
    return np.packbits(changed).view(np.uint64)


def test_copies_are_found_up_to_the_limit_and_only_across_parts():
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, (60, 4), dtype=np.uint64)
    parts = np.array(["train"] * 30 + ["val"] * 10 + ["test"] * 20)
    hashes[45] = flipped(hashes[3], 4, rng)
    hashes[35] = flipped(hashes[50], NEAR_BITS, rng)
    hashes[41] = flipped(hashes[7], NEAR_BITS + 1, rng)
    hashes[1] = hashes[2]
    told = []
    found = near_duplicates(hashes, parts, lambda *done: told.append(done))
    assert [(set(pair[:2]), pair.bits) for pair in found] == [({3, 45}, 4), ({35, 50}, NEAR_BITS)]
    assert told[-1] == (40, 40)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=12))
def test_every_pair_is_compared_once(rows):
    base = np.random.default_rng(2).integers(0, 2**63, (4, 4), dtype=np.uint64)
    hashes = np.array([base[kind] for kind, _ in rows], np.uint64).reshape(-1, 4)
    parts = np.array([part for _, part in rows], str)
    found = {frozenset(pair[:2]) for pair in near_duplicates(hashes, parts)}
    expected = {
        frozenset((i, j))
        for i in range(len(rows)) for j in range(i)
        if rows[i][0] == rows[j][0] and rows[i][1] != rows[j][1]
    }  # fmt: skip
    assert found == expected
