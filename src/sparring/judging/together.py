"""How far two tables are apart in every two of their columns: total variation of the shares of all combinations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sparring.transport.clouds import Floats

__all__ = ["PLACES", "Grid", "pairs_apart", "shares_together"]

PLACES = 8  # labels of a column that have a place of their own, and bins of numbers
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """A column as few places: its commonest labels, or bins of about as many rows; the last two are special.

    labels: of a labelled column, by how often they are met; else None. edges: of numbers; a bin goes from its edge to
    below the next, and a value that an eighth of the rows share is a bin of its own. The last place but one is for
    other labels (never taken by numbers), the last for missing values.
    """

    labels: tuple[int, ...] | None
    edges: tuple[float, ...]

    @classmethod
    def of(cls, numbers: Floats, labelled: bool) -> Self:
        """The grid that some rows (n,) set: NaN where missing, whole numbers from 0 for labels, below 0 for others."""
        known = np.sort(numbers[~np.isnan(numbers)])
        if labelled:
            values, met = np.unique(known[known >= 0], return_counts=True)
            return cls(tuple(values[np.argsort(-met, kind="stable")][:PLACES].astype(int).tolist()), ())
        if not len(known):
            return cls(None, ())
        edges = np.unique(np.quantile(known, np.linspace(0, 1, PLACES + 1)[1:-1]))
        met = np.searchsorted(known, edges, side="right") - np.searchsorted(known, edges)
        lumps = edges[met >= len(known) / PLACES]
        return cls(None, tuple(np.union1d(edges, np.nextafter(lumps, np.inf)).tolist()))

    @property
    def size(self) -> int:
        """How many places there are."""
        return (len(self.edges) + 1 if self.labels is None else len(self.labels)) + 2

    def __call__(self, numbers: Floats) -> Codes:
        """The place of each row (n,)."""
        absent = np.isnan(numbers)
        if self.labels is None:
            found = np.searchsorted(self.edges, numbers, side="right")
        else:
            found = np.full(len(numbers), self.size - 2)
            for place, label in enumerate(self.labels):
                found[numbers == label] = place
        return np.where(absent, self.size - 1, found).astype(np.int64)


def shares_together(codes: NDArray[Any], sizes: Sequence[int]) -> NDArray[np.float32]:
    """The share of rows for each two places: (s, s) with s the sum of sizes, a block for each two columns.

    codes: (n, c), each column's places from 0 to below its size. One product of matrices for all pairs.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    spread = np.zeros((len(codes), sum(sizes)), np.float32)
    np.put_along_axis(spread, codes + starts, 1.0, axis=1)
    return spread.T @ spread / np.float32(len(codes))


def pairs_apart(one: NDArray[Any], other: NDArray[Any], sizes: Sequence[int]) -> Floats:
    """The total variation between two tables' shares, for every two columns: (c (c - 1) / 2,) in [0, 1].

    1/2 sum |p_ij - q_ij| over combinations of places i and j: what is wrong with either column alone counts too.
    one, other: of ``shares_together``. In the order of ``itertools.combinations``.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    rows = np.add.reduceat(np.abs(one - other), starts, axis=0)
    apart = np.add.reduceat(rows, starts, axis=1).astype(np.float64) / 2
    return apart[np.triu_indices(len(sizes), 1)].clip(0, 1)
