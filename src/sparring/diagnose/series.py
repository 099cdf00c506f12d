"""A run's rows by measure: what detectors read. No torch."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sparring.diagnose.finding import Row

__all__ = ["Series"]

Values = NDArray[np.float64]


class Series:
    """The values of every measure of a run, oldest first, with their steps."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._steps: dict[str, list[int]] = {}
        self._values: dict[str, list[float]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        step = int(row["step"])
        for name, value in row.items():
            self._steps.setdefault(name, []).append(step)
            self._values.setdefault(name, []).append(float(value))

    def values(self, name: str, last: int | None = None) -> Values:
        """A measure's values, or the last ones; empty if no row has it."""
        found = self._values.get(name, [])
        return np.array(found if last is None else found[max(len(found) - last, 0) :])

    def first(self, name: str, count: int) -> Values:
        return np.array(self._values.get(name, [])[:count])

    def count(self, name: str) -> int:
        """How many rows have a measure."""
        return len(self._values.get(name, ()))

    def since(self, name: str, last: int) -> int:
        """The step of the row that is ``last`` from the end, among those that have the measure."""
        return self._steps[name][-last]

    def names(self, ending: str) -> list[str]:
        """The measures whose names end so, in the order in which they came."""
        return [name for name in self._values if name.endswith(ending)]
