"""Pairs in, rounds of learning and measuring out: who is learnt from, who chooses the epoch, who is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr.config.errors import UserError
from cxr.config.lungs import PairSplit
from cxr.segmentation.pairs import Pair

TRAIN, VAL, TEST = PARTS = ("train", "val", "test")
STREAM = 0x1A6


@dataclass(frozen=True)
class Round:
    """One network: name "" for the one that is kept; parts: (N,) train, val or test of every pair."""

    name: str
    parts: np.ndarray


def deal_pairs(pairs: Sequence[Pair], split: PairSplit, seed: int) -> list[Round]:
    """Return the rounds of a split, the network that is kept last; of whole patients, and the same for the same seed.

    Raises UserError when there are too few patients for all parts.
    """
    sources = np.array([pair.source for pair in pairs])
    measured = np.array([not pair.train_only for pair in pairs])
    if not measured.any():
        raise UserError("lung_masks: every set is train_only; there is nothing to choose the epoch by")
    if split.scheme == "patients":
        return [_round("", pairs, _share(pairs, measured, split.test, seed), split, seed)]
    if split.scheme == "kfold":
        fold_of = _folds(pairs, measured, split.folds, seed)
        rounds = [(f"fold-{fold}", fold_of == fold) for fold in range(split.folds)]
    else:
        names = list(dict.fromkeys(sources[measured]))
        if len(names) < 2:
            raise UserError(
                'segmentation.split.scheme "sources" needs two or more sets in lung_masks that are not train_only; '
                f"there is {str(names[0])!r}"
            )
        rounds = [(f"without-{name}", sources == name) for name in names]
    dealt = [_round(name, pairs, held_out, split, seed) for name, held_out in rounds]
    return [*dealt, _round("", pairs, np.zeros(len(pairs), bool), split, seed, needs_test=False)]


def _round(
    name: str, pairs: Sequence[Pair], held_out: np.ndarray, split: PairSplit, seed: int, needs_test: bool = True
) -> Round:
    """Hold the given pairs out, and choose the epoch by a share of the others."""
    eligible = ~held_out & np.array([not pair.train_only for pair in pairs])
    share = split.val / (1 - split.test) if split.scheme == "patients" else split.val
    if not eligible.any():
        raise _too_few(pairs, VAL)
    val = _share(pairs, eligible, share, seed + 1)
    parts = np.where(held_out, TEST, np.where(val, VAL, TRAIN))
    for part in PARTS if needs_test else (TRAIN, VAL):
        if part not in parts:
            raise _too_few(pairs, part)
    return Round(name, parts)


def _share(pairs: Sequence[Pair], eligible: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(N,) bool: a share of the eligible pairs, of every source alike, by whole patients in random order."""
    chosen = np.zeros(len(pairs), bool)
    for rows in _patients_in_order(pairs, eligible, seed):
        wanted = share * sum(map(len, rows))
        for row in rows:
            if chosen[np.concatenate(rows)].sum() + len(row) / 2 <= wanted:
                chosen[row] = True
    if not chosen.any() and (left := [rows for rows in _patients_in_order(pairs, eligible, seed) if len(rows) > 1]):
        chosen[max(left, key=len)[0]] = True  # small sets: at least one patient
    return chosen


def _folds(pairs: Sequence[Pair], eligible: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(N,) fold of every pair, of every source alike, by whole patients; -1 for pairs that are not eligible."""
    fold_of, sizes = np.full(len(pairs), -1), np.zeros(folds)
    for rows in _patients_in_order(pairs, eligible, seed):
        own = np.zeros(folds)
        for row in rows:
            fold = np.lexsort((sizes, own))[0]  # the smallest of this source, then the smallest of all
            fold_of[row] = fold
            own[fold] += len(row)
            sizes[fold] += len(row)
    return fold_of


def _patients_in_order(pairs: Sequence[Pair], eligible: np.ndarray, seed: int) -> list[list[np.ndarray]]:
    """For each source the rows of each of its patients, patients in random order."""
    random = np.random.default_rng([seed, STREAM])
    patients = np.array([pair.patient for pair in pairs])
    sources = np.array([pair.source for pair in pairs])
    return [
        [np.flatnonzero(eligible & (patients == patient)) for patient in random.permutation(np.unique(patients[mine]))]
        for source in dict.fromkeys(sources[eligible])
        if (mine := eligible & (sources == source)).any()
    ]


def _too_few(pairs: Sequence[Pair], part: str) -> UserError:
    patients = len({pair.patient for pair in pairs if not pair.train_only})
    remedy = "more pairs are needed, or other segmentation.split.val and segmentation.split.test"
    if patients < len(PARTS):
        remedy = f"at least {len(PARTS)} patients are needed in sets of lung_masks that are not train_only"
    return UserError(
        f"lungs: {len(pairs)} usable pairs of {patients} measured patients leave none for {part}; {remedy}"
    )
