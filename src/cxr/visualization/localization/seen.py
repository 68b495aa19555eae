"""What is kept of the maps that went by: nothing grows but points and boxes; as arrays, and from them, for a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

Pair = tuple[int, int]
"""Row of the store and number of the finding."""


@dataclass(eq=False)
class Seen:
    """Of some chunks of maps; K findings, maps of S x S pixels. rows: (n,) of the store, of each chunk."""

    rows: list[np.ndarray] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    """(n, K, 2) of each chunk."""
    boxes: list[list[np.ndarray]] = field(default_factory=list)
    """Per image, per finding (b, 5)."""
    total: np.ndarray | float = 0.0
    """(K, S, S) sum of the maps, each divided by its own sum."""
    lit: np.ndarray | int = 0
    """(K,) maps with any heat."""
    own: dict[Pair, np.ndarray] = field(default_factory=dict)
    """(8,) of NUMBERS, of the pairs with true boxes; so are `randoms`, of random maps."""
    randoms: dict[Pair, np.ndarray] = field(default_factory=dict)
    patients_own: dict[Pair, np.ndarray] = field(default_factory=dict)
    """(2,) heat in the true boxes and number of maps of all images of the pair's patient."""

    def chunks(self) -> Iterator[tuple[np.ndarray, list[list[np.ndarray]]]]:
        """Give rows and boxes of each chunk again."""
        start = 0
        for rows in self.rows:
            yield rows, self.boxes[start : start + len(rows)]
            start += len(rows)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays; what has seen nothing has none."""
        if not self.rows:
            return {}
        pairs = sorted(self.own)
        return {
            "sizes": np.array([len(rows) for rows in self.rows]),
            "rows": np.concatenate(self.rows),
            "points": np.concatenate(self.points),
            "counts": np.array([[len(one) for one in image] for image in self.boxes]),
            "boxes": np.concatenate([one for image in self.boxes for one in image]),
            "total": np.asarray(self.total),
            "lit": np.asarray(self.lit),
            "pairs": np.array(pairs, int).reshape(-1, 2),
            **{
                name: np.array([of[pair] for pair in pairs], np.float64)
                for name, of in (("own", self.own), ("randoms", self.randoms), ("patients_own", self.patients_own))
            },
        }

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Seen":
        """Undo `arrays`."""
        if "sizes" not in arrays:
            return cls()
        ends, counts = np.cumsum(arrays["sizes"])[:-1], arrays["counts"]
        parted = np.split(arrays["boxes"], np.cumsum(counts.ravel())[:-1])
        findings = counts.shape[1]
        pairs = [(int(row), int(finding)) for row, finding in arrays["pairs"]]
        return cls(
            np.split(arrays["rows"], ends),
            np.split(arrays["points"], ends),
            [parted[start : start + findings] for start in range(0, len(parted), findings)],
            arrays["total"],
            arrays["lit"],
            *(dict(zip(pairs, arrays[name], strict=True)) for name in ("own", "randoms", "patients_own")),
        )
