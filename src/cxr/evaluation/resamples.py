"""Patients of N images and a seed in; resamples of the patients, and sums over every one of them, out.

Every interval of one sample comes from one `Resamples`: what is measured does not change who is drawn, so the numbers
of two findings, two models or a subgroup and the rest may be subtracted draw by draw.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from cxr.evaluation.intervals import resampled_weights

BLOCK_BYTES = 4_000_000
"""Of one (rows, resamples) float64 array; a handful live at once. About a core's cache: larger blocks are slower."""
FEWEST, MOST = 16, 128
"""Resamples of a block."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """`count` resamples of the P patients of N images, each of P patients drawn with replacement.

    They are a function of the set of patients and the seed, not of the order of the rows nor of what is measured.
    """

    patient_of: np.ndarray
    """(N,) int: the place of each image's patient among the sorted patients."""
    patients: int
    """P."""
    count: int
    """B."""
    seed: int

    @classmethod
    def of(cls, patient_ids: np.ndarray, count: int, seed: int) -> "Resamples":
        """Resamples of the patients of (N,) str ids; an empty sample has resamples of nobody."""
        patients, patient_of = np.unique(patient_ids, return_inverse=True)
        return cls(patient_of, len(patients), count, seed)

    @cached_property
    def weights(self) -> np.ndarray:
        """(B, P) uint8: how often each patient is drawn; a byte holds it: 256 draws of one of many never come."""
        if self.patients == 0:
            return np.zeros((self.count, 0), dtype=np.uint8)
        blocks = resampled_weights(self.patients, self.count, self.seed, block=256)
        return np.concatenate([block.T.astype(np.uint8) for block in blocks])

    def blocks(self, rows: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the resamples and their weights as (P, b) float64, b fit for work on arrays of `rows` rows."""
        size = int(np.clip(BLOCK_BYTES // (8 * max(1, rows)), FEWEST, MOST))
        for start in range(0, self.count, size):
            block = slice(start, min(self.count, start + size))
            yield block, np.ascontiguousarray(self.weights[block].T, dtype=np.float64)

    def repeated(self, times: int) -> "Resamples":
        """The same resamples for a sample that has every image `times` times in a row: (N x times) answers."""
        twin = Resamples(np.repeat(self.patient_of, times), self.patients, self.count, self.seed)
        twin.__dict__["weights"] = self.weights  # what cached_property would keep; not drawn again
        return twin

    def by_patient(self, values: np.ndarray) -> np.ndarray:
        """(P, M) float64 sums over each patient's images of (N, M) values."""
        images = len(self.patient_of)
        owners = csr_matrix((np.ones(images), (self.patient_of, np.arange(images))), shape=(self.patients, images))
        return owners @ np.asarray(values, dtype=np.float64)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(B, M) float64: the sum of (N, M) values over the images of every resample, a patient drawn twice twice."""
        totals = self.by_patient(values)
        found = np.empty((self.count, totals.shape[1]))
        size = max(FEWEST, 4 * BLOCK_BYTES // (8 * max(1, self.patients)))  # products want larger blocks than sorting
        for start in range(0, self.count, size):
            block = slice(start, start + size)
            found[block] = self.weights[block].astype(np.float64) @ totals
        return found

    def support(self, chosen: np.ndarray) -> np.ndarray:
        """(K,) int: how many patients have an image in each column of an (N, K) bool array."""
        return (self.by_patient(chosen) > 0).sum(axis=0)
