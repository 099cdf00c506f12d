"""Some rows of data, left where they lie until they are asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.data.split import taken

__all__ = ["Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of an array, a memory-mapped array or a DataFrame. numbers: which ones, in the data's order."""

    values: Any
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def all(self) -> Any:
        """The rows themselves; of a memory-mapped array they are read now."""
        everything = len(self.numbers) == len(self.values) and not isinstance(self.values, np.memmap)
        return self.values if everything else taken(self.values, self.numbers)

    def drawn(self, most: int, seed: int = 0) -> "Rows":
        """All of them if there are at most ``most``, else so many by chance, in the data's order."""
        if len(self) <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:most])
        return Rows(self.values, self.numbers[chosen])

    def some(self, most: int, seed: int = 0) -> Any:
        """The rows that ``drawn`` draws."""
        return self.drawn(most, seed).all()

    def first(self, most: int) -> Any:
        """The first ones."""
        return taken(self.values, self.numbers[:most])
