"""What holds between columns in every row: found in a table, kept out of what is learned, and put back.

A column that another one determines, or that is a sum of others, is not learned at all but computed; where one column
never exceeds another, what is generated is held to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from sparring.data.columns import LABELLED, STEPS, Column
from sparring.errors import DataError

__all__ = ["MOST", "AtMost", "Determines", "Relation", "Total", "found_relations", "relation_from_json"]

FEWEST = 50  # rows, below which what holds in all of them may be chance
AGAINST = 20  # rows that would be expected to break a rule, if it were none
MOST = 1000  # different values of a column that determines another
LOOK = 500  # rows to look at before all of them
Numbers = dict[str | int, NDArray[np.float64]]


class Relation(ABC):
    """Something that holds between columns' numbers. learned: whether the column it ends in is still to be learned."""

    kind: str
    learned: bool

    @property
    @abstractmethod
    def columns(self) -> tuple[str | int, ...]:
        """All columns that it speaks of; the last is the one that it sets."""

    @abstractmethod
    def hold(self, numbers: Numbers, columns: Mapping[str | int, Column]) -> None:
        """Set the last column so that the relation holds, within the columns' bounds and decimals."""

    @abstractmethod
    def holds(self, numbers: Numbers) -> NDArray[np.bool_]:
        """In which rows it does. What is missing breaks nothing."""

    def told(self, name: str | int, numbers: Numbers) -> NDArray[np.float64] | None:
        """What a column must be by the others, NaN where they do not say; None where they never do."""
        return None

    @abstractmethod
    def said(self) -> str: ...

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Determines(Relation):
    """Rows that agree in ``source`` agree in ``target``. keys, values: which number goes with which; NaN is one too."""

    source: str | int
    target: str | int
    keys: tuple[float, ...]
    values: tuple[float, ...]
    kind = "determines"
    learned = False

    @property
    def columns(self) -> tuple[str | int, ...]:
        return (self.source, self.target)

    def hold(self, numbers: Numbers, columns: Mapping[str | int, Column]) -> None:
        keys, values = np.array(self.keys), np.array(self.values)
        rank = np.searchsorted(keys, numbers[self.source])  # NaN sorts last, in keys too
        numbers[self.target] = values[rank.clip(0, len(keys) - 1)]

    def holds(self, numbers: Numbers) -> NDArray[np.bool_]:
        there, due = numbers[self.target], self._due(numbers[self.source])
        return (due == there) | np.isnan(there) | np.isnan(due)

    def told(self, name: str | int, numbers: Numbers) -> NDArray[np.float64] | None:
        return self._due(numbers[self.source]) if name == self.target else None

    def _due(self, source: NDArray[np.float64]) -> NDArray[np.float64]:
        keys = np.array(self.keys)
        rank = np.searchsorted(keys, source).clip(0, len(keys) - 1)
        return np.where(keys[rank] == source, np.array(self.values)[rank], np.nan)

    def said(self) -> str:
        return f"{self.source} determines {self.target}"

    def to_json(self) -> dict[str, Any]:
        plain = [[None if number != number else number for number in side] for side in (self.keys, self.values)]
        return {"kind": self.kind, "columns": list(self.columns), "keys": plain[0], "values": plain[1]}


@dataclass(frozen=True)
class AtMost(Relation):
    """``low`` never exceeds ``high``: low ratio + shift <= high, which is lifted to it where it is generated below.

    ratio, shift: of dates and durations, whose numbers count different steps from different origins.
    """

    low: str | int
    high: str | int
    ratio: float = 1.0
    shift: float = 0.0
    kind = "at most"
    learned = True

    @property
    def columns(self) -> tuple[str | int, ...]:
        return (self.low, self.high)

    def hold(self, numbers: Numbers, columns: Mapping[str | int, Column]) -> None:
        low, high = numbers[self.low] * self.ratio + self.shift, numbers[self.high]
        column = columns[self.high]
        if column.decimals is not None or column.kind in ("date", "duration"):
            grid = 10.0 ** (column.decimals or 0)
            low = np.maximum(low, np.ceil((low * grid).round(6)) / grid)
        numbers[self.high] = np.where(low > high, low, high)

    def holds(self, numbers: Numbers) -> NDArray[np.bool_]:
        return ~(numbers[self.low] * self.ratio + self.shift > numbers[self.high])

    def said(self) -> str:
        return f"{self.low} is at most {self.high}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": list(self.columns), "ratio": self.ratio, "shift": self.shift}


@dataclass(frozen=True)
class Total(Relation):
    """``total`` is the sum of the ``parts``. One that is out of its bounds is brought there by its parts, in turn."""

    parts: tuple[str | int, ...]
    total: str | int
    kind = "sum"
    learned = False

    @property
    def columns(self) -> tuple[str | int, ...]:
        return (*self.parts, self.total)

    def hold(self, numbers: Numbers, columns: Mapping[str | int, Column]) -> None:
        total = columns[self.total]
        made = np.sum([numbers[part] for part in self.parts], axis=0)
        excess = made - total.settled(made)
        for part in self.parts:
            given = numbers[part] - columns[part].settled(numbers[part] - excess)
            numbers[part], excess = numbers[part] - given, excess - given
        numbers[self.total] = np.sum([numbers[part] for part in self.parts], axis=0)

    def holds(self, numbers: Numbers) -> NDArray[np.bool_]:
        made, total = np.sum([numbers[part] for part in self.parts], axis=0), numbers[self.total]
        return np.isclose(made, total, rtol=1e-9) | np.isnan(made) | np.isnan(total)

    def told(self, name: str | int, numbers: Numbers) -> NDArray[np.float64] | None:
        if name not in self.columns:
            return None
        if name == self.total:
            return np.sum([numbers[part] for part in self.parts], axis=0)
        return numbers[self.total] - np.sum([numbers[part] for part in self.parts if part != name], axis=0)

    def said(self) -> str:
        return f"{self.total} is {' + '.join(map(str, self.parts))}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": list(self.columns)}


def relation_from_json(content: Mapping[str, Any]) -> Relation:
    """The relation that ``to_json`` described. Raises DataError for another kind, or too few columns."""
    kind, columns = content.get("kind"), tuple(content.get("columns", ()))
    if len(columns) < 2:
        raise DataError(f"a relation speaks of two columns or more; got {list(columns)}.")
    if kind == "determines":
        sides = [tuple(np.nan if number is None else number for number in content[side]) for side in ("keys", "values")]
        return Determines(columns[0], columns[1], *sides)
    if kind == "at most":
        return AtMost(columns[0], columns[1], content.get("ratio", 1.0), content.get("shift", 0.0))
    if kind == "sum":
        return Total(columns[:-1], columns[-1])
    raise DataError(f"a relation must be of the kind determines, at most or sum; got {kind!r}.")


# -- finding


def found_relations(columns: Sequence[Column], numbers: Numbers) -> tuple[Relation, ...]:
    """The relations that hold in every row, and would not by chance.

    A column is set by one relation at most, and by columns that are learned or set before it. Orders come first, and
    do not speak of columns that are computed or summed.
    """
    rows = len(next(iter(numbers.values()), ()))
    if rows < FEWEST:
        return ()
    known = [column for column in columns if column.kind != "constant"]
    totals = _totals([column for column in known if _is_amount(column) and not column.missing], numbers)
    computed = {relation.total for relation in totals}
    determined = _determined([column for column in known if column.name not in computed], numbers)
    bound = {name for relation in totals for name in relation.columns} | {relation.target for relation in determined}
    free = [column for column in known if column.kind not in LABELLED and column.name not in bound]
    return (*_ordered(free, numbers), *determined, *totals)


def _is_amount(column: Column) -> bool:
    return column.kind in ("continuous", "integer", "duration")


def _totals(columns: Sequence[Column], numbers: Numbers) -> list[Total]:
    """Sums, by least squares with no negative share on some rows, held against all."""
    found: list[Total] = []
    used: set[str | int] = set()
    for total in columns:
        others = [column for column in columns if column is not total and column.name not in used]
        if len(others) < 2 or total.name in used or total.low == total.high:
            continue
        some = np.stack([numbers[column.name][:LOOK] for column in others], axis=1)
        scale = np.abs(some).max(0)
        scale[scale == 0] = 1
        shares = nnls(some / scale, numbers[total.name][:LOOK])[0] / scale
        parts = tuple(column.name for column, share in zip(others, shares, strict=True) if round(share) == 1)
        if len(parts) > 1 and np.allclose(shares, shares.round(), atol=1e-4):
            made = np.sum([numbers[part] for part in parts], axis=0)
            if np.allclose(made, numbers[total.name], rtol=1e-12, atol=1e-9 * np.abs(made).max()):
                found.append(Total(parts, total.name))
                used |= {total.name, *parts}
    return found


def _determined(columns: Sequence[Column], numbers: Numbers) -> list[Determines]:
    """Columns of few values that another one fixes, each by the first that does."""
    coded = {}
    for column in columns:
        values, codes = np.unique(numbers[column.name], return_inverse=True)
        if 2 <= len(values) <= MOST and 10 * len(values) <= len(codes):
            coded[column.name] = (values, codes)
    found: list[Determines] = []
    set_by: dict[str | int, str | int] = {}
    for source, (keys, codes) in coded.items():
        for target, (values, others) in coded.items():
            if target == source or target in set_by or _leads_to(source, target, set_by):
                continue
            if _fixes(codes[:LOOK], others[:LOOK], len(keys)) is None:
                continue
            told = _fixes(codes, others, len(keys))
            if told is not None and _unlikely(others, len(keys)):
                found.append(Determines(source, target, tuple(keys.tolist()), tuple(values[told].tolist())))
                set_by[target] = source
    return _in_order(found, set_by)


def _leads_to(source: Any, target: Any, set_by: Mapping[Any, Any]) -> bool:
    """Whether the source is itself set, at the end, by the target."""
    while source in set_by:
        source = set_by[source]
        if source == target:
            return True
    return False


def _in_order(found: Sequence[Determines], set_by: Mapping[Any, Any]) -> list[Determines]:
    """Those whose source is learned come first."""

    def depth(name: Any) -> int:
        return 0 if name not in set_by else 1 + depth(set_by[name])

    return sorted(found, key=lambda relation: depth(relation.target))


def _fixes(codes: NDArray[Any], others: NDArray[Any], count: int) -> NDArray[np.int64] | None:
    """For each code the other that goes with it, if it is always the same."""
    told = np.zeros(count, np.int64)
    told[codes] = others
    return told if bool((told[codes] == others).all()) else None


def _unlikely(others: NDArray[Any], count: int) -> bool:
    shares = np.bincount(others) / len(others)
    return bool((len(others) - count) * (1 - np.square(shares).sum()) >= AGAINST)


def _ordered(columns: Sequence[Column], numbers: Numbers) -> list[AtMost]:
    """Pairs of one kind of which one never exceeds the other, though it could."""
    found, lifted = [], set()
    for low in columns:
        for high in columns:
            if low is high or high.name in lifted or low.name in lifted or _group(low) != _group(high):
                continue
            ratio, shift = _clock(low, high)
            a, b = numbers[low.name] * ratio + shift, numbers[high.name]
            if not (a[:LOOK] > b[:LOOK]).any() and not (a > b).any() and not _by_range(a, b):
                found.append(AtMost(low.name, high.name, ratio, shift))
                lifted.add(high.name)
    return found


def _group(column: Column) -> str:
    """Columns of one group count the same thing."""
    if column.kind not in ("date", "duration"):
        return "numbers"
    return f"{column.kind}s in {'nanoseconds' if column.step == 'nanosecond' else 'microseconds'}"


def _clock(low: Column, high: Column) -> tuple[float, float]:
    """What makes a number of ``low`` one of ``high``: (ratio, shift); 1 and 0 but for dates and durations."""
    if low.kind not in ("date", "duration"):
        return 1.0, 0.0
    return STEPS[low.step] / STEPS[high.step], (low.origin - high.origin) / STEPS[high.step]


def _by_range(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether fewer rows than AGAINST would break the order if the columns were independent."""
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], np.sort(b[known])
    return not len(a) or float(np.searchsorted(b, a, side="left").sum()) / len(a) < AGAINST
