"""A random order of so many rows that a list of their numbers would fill memory."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.seeds import derive

__all__ = ["Shuffled"]

ROUNDS = 8


@dataclass(frozen=True)
class Shuffled:
    """The numbers 0 to ``size`` - 1 in a random order, or a part of it: each is computed when it is asked for.

    A Feistel network over the next even power of two, (l, r) -> (r, l xor f(r)), is one-to-one whatever f is; what it
    puts beyond ``size`` goes through it again until it comes back. seed: repeats an order. start, stop: the part.
    Source: Luby and Rackoff 1988; for a range that is no power of two, Black and Rogaway 2002. f is the finaliser of
    splitmix64, which is mixed well and not secret.
    """

    size: int
    seed: int
    start: int = 0
    stop: int | None = None

    def __len__(self) -> int:
        return (self.size if self.stop is None else self.stop) - self.start

    def __getitem__(self, places: Any) -> NDArray[np.int64]:
        """The numbers at some places: a slice, or whole numbers from 0 to the length."""
        if isinstance(places, slice):
            places = np.arange(*places.indices(len(self)))
        found = self._mixed(np.asarray(places, np.uint64) + np.uint64(self.start))
        while (beyond := found >= self.size).any():
            found[beyond] = self._mixed(found[beyond])
        return found.astype(np.int64)

    def part(self, start: int, stop: int) -> "Shuffled":
        """The same order from one place to before another."""
        return Shuffled(self.size, self.seed, self.start + start, self.start + stop)

    @cached_property
    def _half(self) -> int:
        """Bits of either half."""
        return max(((self.size - 1).bit_length() + 1) // 2, 1)

    @cached_property
    def _keys(self) -> list[np.uint64]:
        return [np.uint64(derive(self.seed, "order", i)) for i in range(ROUNDS)]

    def _mixed(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        half, mask = np.uint64(self._half), np.uint64((1 << self._half) - 1)
        left, right = numbers >> half, numbers & mask
        for key in self._keys:
            left, right = right, left ^ (_scrambled(right + key) & mask)
        return (left << half) | right


def _scrambled(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
