"""Tables column by column, and every two columns, against held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sparring.judging.together import Grid, pairs_apart, shares_together
from sparring.transport.clouds import Floats

__all__ = ["MOST_PAIRED", "SPLITS", "Apart", "HeldOutTable", "Marginals", "kolmogorov_smirnov", "total_variation"]

SPLITS = 60  # of real rows, which say what chance does
MOST_PAIRED = 128  # columns whose pairs are looked at


class Apart(NamedTuple):
    """How far rows are from held-out ones. columns, missing: (c,). pairs: (p,), of ``Marginals.paired`` columns."""

    columns: Floats
    missing: Floats
    pairs: Floats


@dataclass(frozen=True)
class Marginals:
    """What is known of a table's columns beforehand.

    labelled: whether numbers are places among labels (below 0: a label never seen). paired: columns whose pairs
    are looked at: not the constant ones, and at most 128. grids: theirs. drawn: whether they are some out of more.
    """

    labelled: tuple[bool, ...]
    paired: tuple[int, ...]
    grids: tuple[Grid, ...]
    drawn: bool

    @classmethod
    def of(cls, train: Floats, labelled: Sequence[bool], rng: np.random.Generator) -> Self:
        """train: (n, c), each column's numbers, NaN where a value is missing."""
        varied = [i for i, column in enumerate(train.T) if len(np.unique(column)) > 1]
        drawn = len(varied) > MOST_PAIRED
        if drawn:
            varied = sorted(rng.permutation(varied)[:MOST_PAIRED].tolist())
        grids = tuple(Grid.of(train[:, i], labelled[i]) for i in varied)
        return cls(tuple(labelled), tuple(varied), grids, drawn)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(combinations(self.paired, 2))

    def together(self, values: Floats) -> NDArray[np.float32]:
        codes = [grid(values[:, i]) for i, grid in zip(self.paired, self.grids, strict=True)]
        return shares_together(np.stack(codes, axis=1), self.sizes)

    @property
    def sizes(self) -> list[int]:
        return [grid.size for grid in self.grids]

    def splits(self, real: Floats, size: int, rng: np.random.Generator) -> list[Apart]:
        """How far random halves of real rows (n, c) are apart, ``size`` rows each."""
        found = []
        for _ in range(SPLITS):
            one, other = np.split(rng.permutation(len(real))[: 2 * size], 2)
            found.append(self.against(real[other]).measured(real[one]))
        return found

    def against(self, values: Floats) -> "HeldOutTable":
        """Ready to measure others by held-out rows (m, c)."""
        return HeldOutTable(self, values, self.together(values) if len(self.paired) > 1 else None)


@dataclass(frozen=True, eq=False)
class HeldOutTable:
    """Held-out rows (m, c), and the shares of every two places among them."""

    known: Marginals
    values: Floats
    together: NDArray[np.float32] | None

    def measured(self, values: Floats) -> Apart:
        """How far rows (n, c) are from them."""
        absent = np.isnan(values), np.isnan(self.values)
        apart = [
            (total_variation if labelled else kolmogorov_smirnov)(one[~gaps], other[~holes])
            for one, other, gaps, holes, labelled in zip(
                values.T, self.values.T, absent[0].T, absent[1].T, self.known.labelled, strict=True
            )
        ]
        pairs = np.empty(0)
        if self.together is not None:
            pairs = pairs_apart(self.known.together(values), self.together, self.known.sizes)
        return Apart(np.array(apart), np.abs(absent[0].mean(axis=0) - absent[1].mean(axis=0)), pairs)


def total_variation(one: Floats, other: Floats) -> float:
    """Half the summed difference of all labels' shares: 0 for equal shares, 1 for no label in common.

    >>> total_variation(np.array([0.0, 0, 0, 1]), np.array([0.0, 1, 1, 2]))
    0.5
    """
    if not len(one) or not len(other):
        return float(len(one) != len(other))
    both = np.unique(np.concatenate([one, other]), return_inverse=True)[1]
    size = both.max() + 1
    shares = [np.bincount(side, minlength=size) / len(side) for side in (both[: len(one)], both[len(one) :])]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def kolmogorov_smirnov(one: Floats, other: Floats) -> float:
    """The largest gap between the shares of numbers up to a value, over all values; lumps count as they are.

    >>> kolmogorov_smirnov(np.array([0.0, 0, 1, 2]), np.array([0.0, 3, 4, 5]))
    0.75
    """
    if not len(one) or not len(other):
        return float(len(one) != len(other))
    one, other = np.sort(one), np.sort(other)
    at = np.concatenate([one, other])
    steps = [np.searchsorted(side, at, side="right") / len(side) for side in (one, other)]
    return float(np.abs(steps[0] - steps[1]).max())
