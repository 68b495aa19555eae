"""Training images and their labels in, the images of an epoch out: some left out, some repeated."""

import numpy as np

from cxr.config.errors import UserError
from cxr.config.sampling import Balance
from cxr.preparation.store import Store


def epoch_rows(store: Store, rows: np.ndarray, balance: Balance, seed: int) -> np.ndarray:
    """Return the rows that an epoch shows, each as often as it is shown.

    rows: (n,) training images of the store. Which of those without findings are kept depends on the seed only.
    Raises UserError when nothing is left.
    """
    empty = store.no_finding[rows]
    rng = np.random.default_rng([seed, 0xBA1A])
    spared = rng.permutation(np.flatnonzero(empty))[: round(balance.no_finding * empty.sum())]
    times = np.where(empty, 0, 1)
    times[spared] = 1
    for name, repeats in balance.repeat.items():
        has = store.labels[rows, store.findings.index(name)] == 1
        times[has] = np.maximum(times[has], repeats)
    chosen = np.repeat(rows, times)
    if not len(chosen):
        raise UserError("training.balance: leaves no image to train on; raise training.balance.no_finding")
    return chosen
