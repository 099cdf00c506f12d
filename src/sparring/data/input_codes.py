"""How the numbers of one column become inputs of a network: numbers in pieces, labels one-hot, gaps flagged.

Unlike a generator's codecs these go one way only. They are fitted on the training rows. In a column's numbers NaN is a
gap, and -1 among the places of labels is one that was never learned from.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.codecs import WIDEST
from sparring.data.columns import STEPS, Column
from sparring.data.plain import from_plain, refuse, refuse_dtype

__all__ = ["Amount", "Calendar", "Clock", "Code", "Nothing", "OneHot", "code_from_json", "code_of"]

PIECES = 32  # between quantiles of a column's numbers
ROWS_A_PIECE = 100
FARTHEST = 5.0  # deviations from the mean that are told apart
Floats = NDArray[np.float64]
Inputs = NDArray[np.float32]


class Code(ABC):
    """missing: whether a gap has an input of its own. Without one it counts as the median, or as none of the labels."""

    kind: str
    missing: bool

    @property
    @abstractmethod
    def width(self) -> int:
        """How many inputs the column becomes."""

    @abstractmethod
    def encode(self, numbers: Floats) -> Inputs:
        """Numbers (n,) to (n, width)."""

    @abstractmethod
    def said(self) -> str:
        """What a value counts as that this code has no place for."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Nothing(Code):
    """Of a constant column: it teaches nothing, and becomes no input."""

    kind = "nothing"
    missing = False

    @property
    def width(self) -> int:
        return 0

    def encode(self, numbers: Floats) -> Inputs:
        return np.empty((len(numbers), 0), np.float32)

    def said(self) -> str:
        return "nothing: the column was always the same"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}


@dataclass(frozen=True)
class Amount(Code):
    """A number as a scaled one, and as how much of each piece between two knots it has passed, from 0 to 1.

    (x - mean) / deviation, held within 5 of them, and for knots a_0 < ... < a_k the k inputs
    min(max((x - a_{i-1}) / (a_i - a_{i-1}), 0), 1). The mean and deviation are those of the rows with the outer half
    percent on each side moved in, so that a heavy tail does not decide them. The knots are quantiles, and every value
    that as many rows share as lie in a piece: what comes before and after it, and it itself, are then told apart. Few
    rows, or two values, have no pieces.
    Source: the piecewise linear encoding of Gorishniy et al. 2022, "On Embeddings for Numerical Features", eq. 1;
    theirs has quantiles alone, and no bounds.
    """

    middle: float
    mean: float
    deviation: float
    knots: tuple[float, ...]
    missing: bool
    kind = "amount"

    @classmethod
    def of(cls, numbers: Floats) -> Self:
        known = np.sort(numbers[~np.isnan(numbers)])
        missing = len(known) < len(numbers)
        if not len(known):
            return cls(0.0, 0.0, 1.0, (), missing)
        inner = known.clip(*np.quantile(known, (0.005, 0.995)))
        mean, deviation = float(inner.mean()), float(inner.std())
        if deviation <= 10 * np.finfo(np.float64).eps * abs(mean):  # rounding alone, or all but a few rows are alike
            mean, deviation = float(known.mean()), float(known.std())
        if deviation <= 10 * np.finfo(np.float64).eps * abs(mean):
            deviation = 1.0
        return cls(float(np.median(known)), mean, deviation, tuple(_knots(known).tolist()), missing)

    @property
    def width(self) -> int:
        return 1 + max(len(self.knots) - 1, 0) + self.missing

    def encode(self, numbers: Floats) -> Inputs:
        absent = np.isnan(numbers)
        known = np.where(absent, self.middle, numbers)
        made = np.empty((len(numbers), self.width), np.float32)
        made[:, 0] = ((known - self.mean) / self.deviation).clip(-FARTHEST, FARTHEST)
        for i, (low, high) in enumerate(zip(self.knots[:-1], self.knots[1:], strict=True), 1):
            made[:, i] = ((known - low) / (high - low)).clip(0, 1)
        if self.missing:
            made[:, -1] = absent
        return made

    def said(self) -> str:
        return "the median"

    def to_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("middle", "mean", "deviation", "missing")}
        return {"kind": self.kind, **numbers, "knots": list(self.knots)}


def _knots(known: Floats) -> Floats:
    """Ends of pieces with about as many rows each, of sorted numbers; and the values that would fill a piece alone."""
    pieces = int(np.clip(len(known) // ROWS_A_PIECE, 1, PIECES))
    values, met = np.unique(known, return_counts=True)
    lumps = values[met >= len(known) / pieces]
    rest = known[~np.isin(known, lumps)]
    ends = np.quantile(rest, np.linspace(0, 1, pieces + 1)) if len(rest) else rest
    knots = np.union1d(lumps, ends)
    return knots if len(knots) > 2 else knots[:0]  # one piece alone says what the scaled number says


@dataclass(frozen=True)
class Clock(Code):
    """Dates with times as models of old know them: the moment, and the time of day apart. per_day: steps."""

    per_day: int
    moment: Amount
    time: Amount
    kind = "clock"

    @property
    def missing(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.moment.missing

    @property
    def width(self) -> int:
        return self.moment.width + self.time.width

    def encode(self, numbers: Floats) -> Inputs:
        return np.hstack([self.moment.encode(numbers), self.time.encode(numbers % self.per_day)])

    def said(self) -> str:
        return "the median"

    def to_json(self) -> dict[str, Any]:
        parts = {"moment": self.moment.to_json(), "time": self.time.to_json()}
        return {"kind": self.kind, "per_day": self.per_day, **parts}


@dataclass(frozen=True)
class OneHot(Code):
    """A place for each label that training rows had, 0 everywhere for any other.

    order: places of labels in the column, of more than 256 from the commonest. Those are told by two parts, as by a
    generator's codec: which group of labels, and which one of it; 50,000 take 448 places. missing: the last place.
    count: labels of the column.
    """

    order: tuple[int, ...]
    count: int
    missing: bool
    kind = "one-hot"

    @classmethod
    def of(cls, numbers: Floats, count: int) -> Self:
        absent = np.isnan(numbers)
        met = np.bincount(numbers[~absent & (numbers >= 0)].astype(np.int64), minlength=count)
        order = np.flatnonzero(met)
        if len(order) > WIDEST:
            order = order[np.argsort(-met[order], kind="stable")]
        return cls(tuple(order.tolist()), count, bool(absent.any()))

    @property
    def size(self) -> int:
        """Labels of a group; 0 where each has a place of its own."""
        return math.isqrt(len(self.order) - 1) + 1 if len(self.order) > WIDEST else 0

    @property
    def width(self) -> int:
        labels = len(self.order)
        return (-(-labels // self.size) + self.size if self.size else labels) + self.missing

    def encode(self, numbers: Floats) -> Inputs:
        absent = np.isnan(numbers)
        rank = np.full(self.count + 1, -1)  # the last one answers for -1
        rank[list(self.order)] = np.arange(len(self.order))
        places = rank[np.where(absent, -1, numbers).astype(np.int64)]
        made = np.zeros((len(numbers), self.width), np.float32)
        rows = np.flatnonzero(places >= 0)
        if self.size:
            made[rows, places[rows] // self.size] = 1
            made[rows, -(-len(self.order) // self.size) + places[rows] % self.size] = 1
        else:
            made[rows, places[rows]] = 1
        if self.missing:
            made[:, -1] = absent
        return made

    def said(self) -> str:
        return "none of the known"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "order": list(self.order), "count": self.count, "missing": self.missing}


@dataclass(frozen=True)
class Calendar(Code):
    """Dates: the moment, the weekday, the month, and the time of day; those that never vary become no input.

    step: of the column's numbers, origin: of the first, both in the unit "us" or "ns". zone: whose days are told, ""
    for dates without one. A gap counts as the median moment, and as no weekday or month.
    """

    unit: str
    step: int
    origin: int
    zone: str
    moment: Amount
    weekday: Code
    month: Code
    time: Code
    kind = "calendar"

    @classmethod
    def of(cls, numbers: Floats, column: Column) -> Self:
        unit = "ns" if column.step == "nanosecond" else "us"
        tz = getattr(pd.api.types.pandas_dtype(column.dtype), "tz", None)
        told = (unit, STEPS[column.step], column.origin, "" if tz is None else str(tz))
        bare = cls(*told, Amount.of(numbers), Nothing(), Nothing(), Nothing())
        weekday, month, time = bare._parts(numbers[~np.isnan(numbers)])
        days, months = (OneHot.of(part, count) for part, count in ((weekday, 7), (month, 12)))
        varied = len(np.unique(time)) > 1
        return replace(
            bare,
            weekday=days if len(days.order) > 1 else Nothing(),
            month=months if len(months.order) > 1 else Nothing(),
            time=Amount.of(time) if varied else Nothing(),
        )

    @property
    def missing(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.moment.missing

    @property
    def width(self) -> int:
        return self.moment.width + self.weekday.width + self.month.width + self.time.width

    def encode(self, numbers: Floats) -> Inputs:
        codes = self.weekday, self.month, self.time
        parts = zip(codes, self._parts(numbers), strict=True)
        return np.hstack([self.moment.encode(numbers), *(code.encode(part) for code, part in parts)])

    def _parts(self, numbers: Floats) -> tuple[Floats, Floats, Floats]:
        """Weekday (0 is Monday), month (from 0) and time of day in steps; NaN where the date is missing."""
        absent = np.isnan(numbers)
        counts = np.where(absent, 0, numbers).astype(np.int64) * self.step + self.origin
        dates = pd.DatetimeIndex(counts.view(f"M8[{self.unit}]"))
        if self.zone:
            zone = pd.DatetimeTZDtype("ns", self.zone).tz
            dates = dates.tz_localize("UTC").tz_convert(zone).tz_localize(None)
        since = (dates - dates.normalize()).to_numpy().astype(f"m8[{self.unit}]").view(np.int64) / self.step
        parts = dates.day_of_week.to_numpy(), dates.month.to_numpy() - 1, since
        weekday, month, time = (np.where(absent, np.nan, part) for part in parts)
        return weekday, month, time

    def said(self) -> str:
        return "the median"

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("unit", "step", "origin", "zone")}
        codes = {name: getattr(self, name).to_json() for name in ("moment", "weekday", "month", "time")}
        return {"kind": self.kind, **plain, **codes}


def code_of(column: Column, numbers: Floats) -> Code:
    """The code for a column's numbers in the training rows. Ordered labels and booleans are numbers by their level."""
    if column.kind == "constant":
        return Nothing()
    if column.kind == "category":
        return OneHot.of(numbers, len(column.labels))
    if column.kind == "date":
        return Calendar.of(numbers, column)
    return Amount.of(numbers)


def code_from_json(content: Mapping[str, Any]) -> Code:
    """The code that ``to_json`` described. Raises DataError for another kind."""
    kinds: tuple[type[Code], ...] = (Nothing, Amount, OneHot, Clock, Calendar)
    return _sound(from_plain(content, kinds, "a code"))


def _sound(code: Code) -> Code:
    """A code whose numbers fit together. Raises DataError for another."""
    if isinstance(code, Amount):
        refuse(code.deviation <= 0, "deviations must be above 0")
        refuse(np.diff(code.knots) <= 0, "knots ascend")
    if isinstance(code, OneHot):
        places = sorted(code.order)
        refuse(len({*places}) != len(places), "labels are ordered, each once")
        refuse(bool(places) and (places[0] < 0 or places[-1] >= code.count), "labels are those of the column")
    if isinstance(code, Clock):
        refuse(code.per_day < 1, "a day has steps")
    if isinstance(code, Calendar):
        refuse(code.unit not in ("us", "ns") or not 0 < code.step < 2**62, "dates have a unit and a step")
        refuse(abs(code.origin) >= 2**63, "dates have an origin")
        if code.zone:
            refuse_dtype(f"datetime64[ns, {code.zone}]")
    for part in (getattr(code, name, None) for name in ("moment", "time", "weekday", "month")):
        if isinstance(part, Code):
            _sound(part)
    return code
