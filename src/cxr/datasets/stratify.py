"""Per-patient label counts in, a part per patient out: multi-label stratification by whole patients."""

import numpy as np


def deal_patients(counts: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deal patients to parts so that every label keeps its share in every part.

    Iterative stratification (Sechidis et al., ECML 2011) with whole patients as the unit: the rarest label first, its
    patients go where most of that label is still wanted, the heaviest patients first.

    counts: (P, L) int, images of each patient per label; the last column must be its number of images.
    shares: (S,) positive, summing to 1. Returns (P,) int part indices. Deterministic for a given `rng`.
    """
    patients, labels = counts.shape
    wanted = counts.sum(axis=0) * shares[:, None]  # (S, L) images still wanted
    part = np.full(patients, -1)
    order = rng.permutation(patients)
    rarest_first = [*np.argsort(counts[:, :-1].sum(axis=0), kind="stable"), labels - 1]
    for label in rarest_first:
        waiting = order[(part[order] < 0) & (counts[order, label] > 0)]
        waiting = waiting[np.argsort(-counts[waiting, label], kind="stable")]
        for patient in waiting:
            want = wanted[:, label]
            best = np.flatnonzero(want == want.max())
            if len(best) > 1:  # tie: where most images are wanted altogether
                best = best[np.argsort(-wanted[best, -1], kind="stable")]
            part[patient] = best[0]
            wanted[best[0]] -= counts[patient]
    return part
