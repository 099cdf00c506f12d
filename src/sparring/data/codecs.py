"""How the numbers of one column become what a network learns: places in one-hot parts, and scalars in [-1, 1].

A codec is fitted in one pass of sorting, and both ways are vectorised over rows. The compact form of a row is one place
for each part and then the scalars; one-hot it is spread out only where a network needs it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sparring.data.columns import LABELLED, STEPS, Column
from sparring.data.plain import from_plain, refuse

__all__ = ["WIDEST", "Bins", "Clock", "Codec", "Labels", "Nothing", "codec_from_json", "codec_of"]

WIDEST = 256  # labels in one part; more are two parts of about the square root of their number
BINS = 50  # of a column of numbers
ROWS_A_BIN = 25
SPIKE = 0.003  # share of rows, from which a value is a place of its own
FEW = 50  # different values that are all places of their own, if each is met often
OFTEN = 10  # rows
Codes = NDArray[np.int32]
Places = NDArray[np.float32]


class Codec(ABC):
    """parts: how many places each one-hot part has. scalars: how many numbers in [-1, 1] come besides.

    The last place of the first part stands for a missing value, where the column has some.
    """

    kind: str

    @property
    @abstractmethod
    def parts(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def scalars(self) -> int: ...

    @abstractmethod
    def encode(self, numbers: NDArray[np.float64]) -> tuple[Codes, Places]:
        """Numbers (n,), NaN where missing, to codes (n, parts) and scalars (n, scalars)."""

    @abstractmethod
    def decode(self, codes: Codes, places: Places) -> NDArray[np.float64]:
        """The inverse: exact for labels, spikes, and whole numbers in bins narrower than 2^23."""

    @abstractmethod
    def levels(self) -> tuple[NDArray[np.float32], ...]:
        """For each part, where its places stand in the order of values, in [-1, 1]; empty where there is no order."""

    def spans(self) -> tuple[tuple[int, int, int], ...]:
        """For each scalar the part, and in it the places (start, end) of the bins that it is in."""
        return ()

    @abstractmethod
    def points(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n, d): two rows are at most 1 apart. Numbers by their rank from 0 to 1; labels all equally far apart.

        What was never seen (a gap where there was none) stands in the middle.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Nothing(Codec):
    """Of a constant column: there is nothing to learn."""

    kind = "nothing"

    @property
    def parts(self) -> tuple[int, ...]:
        return ()

    @property
    def scalars(self) -> int:
        return 0

    def encode(self, numbers: NDArray[np.float64]) -> tuple[Codes, Places]:
        return np.empty((len(numbers), 0), np.int32), np.empty((len(numbers), 0), np.float32)

    def decode(self, codes: Codes, places: Places) -> NDArray[np.float64]:
        return np.zeros(len(codes))

    def levels(self) -> tuple[NDArray[np.float32], ...]:
        return ()

    def points(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.empty((len(numbers), 0), np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}


@dataclass(frozen=True)
class Labels(Codec):
    """Places among labels. order: labels by how often they are met, where there are too many for one part.

    Then the first part says which group of labels, of about equal frequency, and the second which one of it.
    """

    count: int
    missing: bool
    ordered: bool = False
    order: tuple[int, ...] = ()
    kind = "labels"

    @classmethod
    def of(cls, numbers: NDArray[np.float64], column: Column) -> Self:
        count = len(column.labels)
        if count <= WIDEST:
            return cls(count, column.missing, column.kind in ("ordered", "boolean"))
        met = np.bincount(numbers[~np.isnan(numbers)].astype(np.int64), minlength=count)
        return cls(count, column.missing, order=tuple(np.argsort(-met, kind="stable").tolist()))

    @property
    def size(self) -> int:
        """Labels of a group."""
        return math.isqrt(self.count - 1) + 1

    @property
    def parts(self) -> tuple[int, ...]:
        if not self.order:
            return (self.count + self.missing,)
        return (-(-self.count // self.size) + self.missing, self.size)

    @property
    def scalars(self) -> int:
        return 0

    def encode(self, numbers: NDArray[np.float64]) -> tuple[Codes, Places]:
        absent = np.isnan(numbers)
        places = np.where(absent, 0, numbers).astype(np.int32)
        if self.order:
            rank = np.empty(self.count, np.int32)
            rank[list(self.order)] = np.arange(self.count)
            places = rank[places]
            codes = np.stack([places // self.size, places % self.size], axis=1)
        else:
            codes = places[:, None]
        codes[absent] = 0
        codes[absent, 0] = self.parts[0] - 1
        return codes, np.empty((len(numbers), 0), np.float32)

    def decode(self, codes: Codes, places: Places) -> NDArray[np.float64]:
        found = codes[:, 0].astype(np.int64)
        if self.order:
            found = np.array(self.order)[(found * self.size + codes[:, 1]).clip(0, self.count - 1)]
        made = found.astype(np.float64)
        if self.missing:
            made[codes[:, 0] == self.parts[0] - 1] = np.nan
        return made

    def levels(self) -> tuple[NDArray[np.float32], ...]:
        if not self.ordered:
            return tuple(np.empty(0, np.float32) for _ in self.parts)
        return (_with_missing(np.linspace(-1, 1, self.count), self.missing),)

    def points(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        codes, _ = self.encode(numbers)
        if not self.missing:
            codes[np.isnan(numbers)] = -1  # no place at all
        return np.hstack([_one_hot(codes[:, i], size) for i, size in enumerate(self.parts)]) / math.sqrt(
            2 * len(self.parts)
        )

    def to_json(self) -> dict[str, Any]:
        plain = {"count": self.count, "missing": self.missing, "ordered": self.ordered, "order": list(self.order)}
        return {"kind": self.kind, **plain}


@dataclass(frozen=True)
class Bins(Codec):
    """Numbers as a spike (a value that many rows share), or a bin between quantiles and where in it, from -1 to 1.

    A heavy tail, a lump at zero and a grid of whole numbers are all told this way, without a fit that could fail.
    spikes, edges: ascending; of whole numbers a bin goes from its edge to below the next. ranks: the share of rows
    below the middle of each place.
    """

    spikes: tuple[float, ...]
    edges: tuple[float, ...]
    ranks: tuple[float, ...]
    missing: bool
    whole: bool = False
    kind = "bins"

    @classmethod
    def of(cls, numbers: NDArray[np.float64], missing: bool, whole: bool) -> Self:
        known = np.sort(numbers[~np.isnan(numbers)])
        if not len(known):
            return cls((0.0,), (), (0.5,), missing, whole)
        values, met = np.unique(known, return_counts=True)
        few = len(values) <= FEW and len(known) >= OFTEN * len(values)
        spikes = values if few else values[(met >= SPIKE * len(known)) & (met >= OFTEN)]
        rest = known if not len(spikes) else known[~np.isin(known, spikes)]
        if len(rest) and rest[0] == rest[-1]:  # one value alone, too rare for a spike
            spikes, rest = np.sort(np.append(spikes, rest[0])), rest[:0]
        edges = _edges(rest, whole) if len(rest) else rest
        middles = np.append(spikes, (edges[:-1] + edges[1:]) / 2)
        ranks = (np.searchsorted(known, middles) + np.searchsorted(known, middles, side="right")) / 2 / len(known)
        return cls(tuple(spikes.tolist()), tuple(edges.tolist()), tuple(ranks.tolist()), missing, whole)

    @property
    def parts(self) -> tuple[int, ...]:
        return (len(self.ranks) + self.missing,)

    @property
    def scalars(self) -> int:
        return int(len(self.edges) > 0)

    def encode(self, numbers: NDArray[np.float64]) -> tuple[Codes, Places]:
        codes, places = np.zeros(len(numbers), np.int32), np.zeros((len(numbers), self.scalars), np.float32)
        spikes, edges, absent = np.array(self.spikes), np.array(self.edges), np.isnan(numbers)
        lumped = absent
        if len(spikes):
            nearest = np.searchsorted(spikes, numbers).clip(0, len(spikes) - 1)
            lumped = (spikes[nearest] == numbers) | absent
            codes[:] = nearest
        if len(edges):
            rest = (numbers[~lumped] + 0.5 * self.whole).clip(edges[0], edges[-1])
            bins = (np.searchsorted(edges, rest, side="right") - 1).clip(0, len(edges) - 2)
            codes[~lumped] = len(spikes) + bins
            places[~lumped, 0] = (rest - edges[bins]) / (edges[bins + 1] - edges[bins]) * 2 - 1
        codes[absent] = len(self.ranks)
        return codes[:, None], places

    def decode(self, codes: Codes, places: Places) -> NDArray[np.float64]:
        spikes, edges, found = np.array(self.spikes), np.array(self.edges), codes[:, 0].astype(np.int64)
        made = np.full(len(found), np.nan)
        lumped, binned = found < len(spikes), (found >= len(spikes)) & (found < len(self.ranks))
        made[lumped] = spikes[found[lumped]]
        if binned.any():
            bins, share = found[binned] - len(spikes), (places[binned, 0].astype(np.float64).clip(-1, 1) + 1) / 2
            found = edges[bins] * (1 - share) + edges[bins + 1] * share
            made[binned] = np.minimum(np.floor(found), edges[bins + 1] - 1) if self.whole else found
        return made

    def levels(self) -> tuple[NDArray[np.float32], ...]:
        return (_with_missing(np.array(self.ranks) * 2 - 1, self.missing),)

    def spans(self) -> tuple[tuple[int, int, int], ...]:
        return ((0, len(self.spikes), len(self.ranks)),) if self.edges else ()

    def points(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        absent = np.isnan(numbers)
        middles = np.append(self.spikes, (np.array(self.edges[:-1]) + np.array(self.edges[1:])) / 2)
        order = np.argsort(middles)
        at, ranks = middles[order], np.array(self.ranks)[order]
        if self.edges:  # so that numbers beyond the last middle are told apart too
            at, ranks = np.r_[min(self.edges[0], at[0]) - 1e-9, at, max(self.edges[-1], at[-1])], np.r_[0, ranks, 1]
        rank = np.interp(np.where(absent, 0, numbers), at, ranks)
        if not self.missing:
            return rank[:, None].astype(np.float32)
        return np.stack([np.where(absent, 0.5, rank), absent * math.sqrt(0.75)], axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        lists = {name: list(getattr(self, name)) for name in ("spikes", "edges", "ranks")}
        return {"kind": self.kind, **lists, "missing": self.missing, "whole": self.whole}


def _edges(rest: NDArray[np.float64], whole: bool) -> NDArray[np.float64]:
    """Of bins with about as many rows each."""
    bins = int(np.clip(len(rest) // ROWS_A_BIN, 1, BINS))
    edges = np.quantile(rest, np.linspace(0, 1, bins + 1))
    if whole:
        edges = np.floor(edges)
        edges[-1] += 1
    return np.unique(edges)


@dataclass(frozen=True)
class Clock(Codec):
    """Dates with times: the day and the time of day apart, since each has a pattern of its own. per_day: steps."""

    per_day: int
    day: Bins
    time: Bins
    kind = "clock"

    @classmethod
    def of(cls, numbers: NDArray[np.float64], per_day: int, missing: bool) -> Self:
        known = numbers[~np.isnan(numbers)]
        return cls(per_day, Bins.of(np.floor(numbers / per_day), missing, True), Bins.of(known % per_day, False, True))

    @property
    def parts(self) -> tuple[int, ...]:
        return self.day.parts + self.time.parts

    @property
    def scalars(self) -> int:
        return self.day.scalars + self.time.scalars

    def encode(self, numbers: NDArray[np.float64]) -> tuple[Codes, Places]:
        day, of_day = self.day.encode(np.floor(numbers / self.per_day))
        absent = np.isnan(numbers)
        time, of_time = self.time.encode(np.where(absent, 0, numbers) % self.per_day)
        time[absent], of_time[absent] = 0, 0
        return np.hstack([day, time]), np.hstack([of_day, of_time])

    def decode(self, codes: Codes, places: Places) -> NDArray[np.float64]:
        days = self.day.decode(codes[:, :1], places[:, : self.day.scalars])
        times = self.time.decode(codes[:, 1:], places[:, self.day.scalars :])
        return days * self.per_day + times

    def levels(self) -> tuple[NDArray[np.float32], ...]:
        return self.day.levels() + self.time.levels()

    def spans(self) -> tuple[tuple[int, int, int], ...]:
        return self.day.spans() + tuple((1, start, end) for _, start, end in self.time.spans())

    def points(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        absent = np.isnan(numbers)
        day = self.day.points(np.floor(numbers / self.per_day))
        time = self.time.points(np.where(absent, 0, numbers) % self.per_day)
        time[absent] = 0.5
        day[absent & (not self.day.missing)] = 0.5
        return np.hstack([day, time]) / np.float32(math.sqrt(2))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "per_day": self.per_day, "day": self.day.to_json(), "time": self.time.to_json()}


def _one_hot(codes: NDArray[Any], size: int) -> NDArray[np.float32]:
    return (codes[:, None] == np.arange(size)).astype(np.float32)


def _with_missing(levels: NDArray[np.float64], missing: bool) -> NDArray[np.float32]:
    """A missing value stands in the middle of the order: it says nothing about it."""
    return np.append(levels, [0.0] * missing).astype(np.float32)


def codec_of(column: Column, numbers: NDArray[np.float64]) -> Codec:
    """The codec for a column's numbers (NaN where missing)."""
    if column.kind == "constant" or (column.kind in LABELLED and not column.labels):
        return Nothing()
    if column.kind in LABELLED:
        return Labels.of(numbers, column)
    per_day = STEPS["day"] // STEPS[column.step] if column.kind == "date" else 1
    if column.step == "nanosecond":
        per_day *= 1000
    if per_day > 1:
        return Clock.of(numbers, per_day, column.missing)
    return Bins.of(numbers, column.missing, column.kind != "continuous")


def codec_from_json(content: Mapping[str, Any]) -> Codec:
    """The codec that ``to_json`` described. Raises DataError for another kind."""
    kinds: tuple[type[Codec], ...] = (Nothing, Labels, Bins, Clock)
    return _sound(from_plain(content, kinds, "a codec"))


def _sound(codec: Codec) -> Codec:
    """A codec whose numbers fit together. Raises DataError for another."""
    if isinstance(codec, Labels):
        refuse(codec.count < 1, "a label is one of some")
        refuse(codec.order and sorted(codec.order) != list(range(codec.count)), "labels are ordered, each once")
    if isinstance(codec, Bins):
        bins = max(len(codec.edges) - 1, 0)
        refuse(len(codec.edges) == 1 or len(codec.ranks) != len(codec.spikes) + bins, "each place has a rank")
        refuse(not codec.ranks, "numbers have a place")
        refuse(np.diff(codec.edges) <= 0, "edges ascend")
        refuse(np.diff(codec.spikes) <= 0, "spikes ascend")
    if isinstance(codec, Clock):
        refuse(codec.per_day < 1, "a day has steps")
        _sound(codec.day)
        _sound(codec.time)
    return codec
