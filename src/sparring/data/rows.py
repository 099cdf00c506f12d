"""Some rows of data, left where they lie until they are asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.data.order import Shuffled
from sparring.data.split import taken
from sparring.data.stored import StoredTable

__all__ = ["Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of an array, a memory-mapped array, a DataFrame or a stored table.

    numbers: which ones, in the data's order; of a stored table in an order of chance, which is not listed.
    """

    values: Any
    numbers: NDArray[np.int64] | Shuffled

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def listed(self) -> NDArray[np.int64]:
        """Their numbers in the data's order, as an array."""
        return np.sort(self.numbers[:]) if isinstance(self.numbers, Shuffled) else self.numbers

    @property
    def in_file(self) -> bool:
        """Whether the rows are read only as they are asked for: there may be more than memory holds."""
        return isinstance(self.values, np.memmap | StoredTable)

    def all(self) -> Any:
        """The rows themselves; those in a file are read now."""
        everything = len(self.numbers) == len(self.values) and not self.in_file
        return self.values if everything else taken(self.values, self.listed)

    def drawn(self, most: int, seed: int = 0) -> "Rows":
        """All of them if there are at most ``most``, else so many by chance, in the data's order."""
        if len(self) <= most:
            return self
        if isinstance(self.numbers, Shuffled):
            return Rows(self.values, np.sort(self.numbers[Shuffled(len(self), seed)[:most]]))
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:most])
        return Rows(self.values, self.numbers[chosen])

    def some(self, most: int, seed: int = 0) -> Any:
        """The rows that ``drawn`` draws."""
        return self.drawn(most, seed).all()

    def first(self, most: int) -> Any:
        """The first ones."""
        return taken(self.values, self.numbers[:most])
