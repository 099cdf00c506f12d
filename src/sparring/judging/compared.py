"""With how many rows samples are compared: of large tables a part, drawn by chance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPARED", "Compared", "at_most", "drawn"]

COMPARED = 20_000  # training rows, and held-out rows: distances to more take minutes, and change the figures little


def at_most(samples: int | None) -> int:
    """How many training or held-out rows are compared where draws have at most so many samples."""
    return max(COMPARED, 2 * (samples or 0))


def drawn(n: int, most: int, seed: int) -> NDArray[np.intp] | None:
    """The numbers of at most ``most`` rows out of n, in order; None for all of them."""
    return None if n <= most else np.sort(np.random.default_rng(seed).permutation(n)[:most])


@dataclass(frozen=True)
class Compared:
    """How many training and held-out rows distances were measured to, out of how many.

    exact: among how many training rows exact copies were looked for.
    """

    train: int
    of_train: int
    test: int
    of_test: int
    exact: int

    @property
    def partly(self) -> bool:
        """Whether there are training rows whose near copies were not looked for, or held-out rows not looked at."""
        return self.train < self.of_train or self.test < self.of_test

    def said(self) -> str:
        """A sentence, or nothing if every row was compared."""
        if not self.partly:
            return ""
        parts = (self.train, self.of_train), (self.test, self.of_test)
        train, test = (f"all {of:,}" if n == of else f"{n:,} of {of:,}" for n, of in parts)
        said = f"Compared with {train} training rows and {test} held-out rows, drawn by chance."
        if self.train == self.of_train:
            return said
        exact = "all of them" if self.exact == self.of_train else f"{self.exact:,} of them"
        return f"{said} Near copies of other training rows are not seen; exact ones were looked for among {exact}."

    def to_json(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        return cls(**{name: int(plain[name]) for name in cls.__dataclass_fields__})
