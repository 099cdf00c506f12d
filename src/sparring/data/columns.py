"""What a column of a table is: found out from its values, said to the user, and open to correction.

Every kind is turned into numbers (float64, NaN where a value is missing) and back, so that what comes after knows
numbers alone. ``Column.values(Column.numbers(x))`` is ``x``: the same dtype, labels, decimals and time zone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.plain import refuse, refuse_dtype, typed
from sparring.errors import DataError

__all__ = ["KINDS", "LABELLED", "LEFT_OUT", "STEPS", "Column", "column_of", "of_texts"]

LEFT_OUT = ("text", "identifier")  # kinds that cannot be made
KINDS = ("continuous", "integer", "boolean", "category", "ordered", "date", "duration", "constant", *LEFT_OUT)
LABELLED = ("boolean", "category", "ordered", "constant")  # kinds whose numbers are places among labels
DECIMALS = 12  # more than that are no decimals, but a float's own digits
STEPS = {  # of dates, in microseconds: in nanoseconds, no year after 2262 would fit
    "day": 86_400 * 10**6,
    "hour": 3_600 * 10**6,
    "minute": 60 * 10**6,
    "second": 10**6,
    "millisecond": 10**3,
    "microsecond": 1,
    "nanosecond": 1,  # its origin is in nanoseconds too
}
MANY = 50  # different texts, from which a column may be text or an identifier rather than a category
NAMED_ID = re.compile(r"(?i:(^|[_\W])(id|uuid|guid|key|index)$|^(id|uuid|guid|index)([_\W]|$))|[a-z]I[dD]$")
Label = str | int | float | bool


@dataclass(frozen=True)
class Column:
    """A column as the schema tells it.

    kind: one of KINDS. dtype: the pandas dtype that it comes back as. missing: whether values may be missing.
    low, high: bounds of numbers; of dates and durations in steps since ``origin``. decimals: of continuous ones, None
    for as many as a float has. labels: the values of a category, of an ordered one from the least to the greatest.
    step, origin: of dates and durations; the origin in microseconds since 1970 (a duration: 0). reason: why it is
    text or an identifier.
    """

    name: str | int
    kind: str
    dtype: str
    missing: bool = False
    low: int | float | None = None  # whole ones stay so: counts of nanoseconds are exact
    high: int | float | None = None
    decimals: int | None = None
    labels: tuple[Label, ...] = ()
    step: str = ""
    origin: int = 0
    reason: str = ""

    # -- to numbers

    def numbers(self, values: pd.Series, strict: bool = True) -> NDArray[np.float64]:
        """float64 (n,): numbers as they are, places of labels, steps since the origin; NaN where a value is missing.

        Raises DataError for a value that the column cannot hold: a text where a number is needed, and if strict a label
        never seen, or a missing value where there was none; else these are NaN too.
        """
        absent = values.isna().to_numpy(bool)
        if strict and absent.any() and not self.missing:
            raise DataError(f"column {self.name!r} has a missing value in row {int(absent.argmax())}, and had none.")
        if self.kind in LABELLED:
            found = self._places(values, absent, strict)
        elif self.kind in ("date", "duration"):
            found = self._steps(values)
        else:
            found = _floats(values, self.name)
        found[absent] = np.nan
        return found

    def _places(self, values: pd.Series, absent: NDArray[np.bool_], strict: bool) -> NDArray[np.float64]:
        places = self._index().get_indexer(pd.Index(values.astype(object)))
        unknown = (places < 0) & ~absent
        if strict and unknown.any():
            row = int(unknown.argmax())
            known = ", ".join(map(str, self.labels[:8])) + (", ..." if len(self.labels) > 8 else "")
            raise DataError(f"column {self.name!r}, row {row}: {values.iloc[row]!r} is not one of {known}.")
        return np.where(unknown, np.nan, places)

    def _index(self) -> pd.Index:
        return pd.Index(np.array(self.labels, dtype=object))

    def _steps(self, values: pd.Series) -> NDArray[np.float64]:
        counts = _counts(values, self.name, _unit(self.step))
        apart = np.where(values.isna().to_numpy(bool), self.origin, counts) - self.origin
        return apart / STEPS[self.step]

    # -- and back

    def settled(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers rounded to the column's decimals, and held between its bounds."""
        if self.kind in LABELLED:
            return numbers
        decimals = 0 if self.kind != "continuous" else self.decimals
        held = numbers if decimals is None else numbers.round(decimals)
        return held if self.low is None or self.high is None else held.clip(self.low, self.high)

    def values(self, numbers: NDArray[np.float64]) -> pd.Series:
        """The inverse of ``numbers``: settled, and of the column's dtype."""
        absent = np.isnan(numbers)
        if self.kind in LABELLED:
            return self._labelled(numbers, absent)
        held = self.settled(np.where(absent, 0.0 if self.low is None else self.low, numbers))
        if self.kind in ("date", "duration"):
            return self._dates(held, absent)
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        plain = np.dtype(getattr(dtype, "numpy_dtype", dtype))
        made = pd.Series(_cast(held, plain), name=self.name)
        made = made.astype(dtype) if dtype != plain else made
        return made.mask(absent, None) if absent.any() else made

    def _labelled(self, numbers: NDArray[np.float64], absent: NDArray[np.bool_]) -> pd.Series:
        labels = self._index()
        if not len(labels):  # nothing but missing values
            return pd.Series([None] * len(numbers), name=self.name, dtype=object).astype(self._dtype())
        places = np.where(absent, 0, numbers).round().clip(0, len(labels) - 1).astype(np.int64)
        dtype = self._dtype()
        if pd.api.types.is_extension_array_dtype(dtype):  # few labels are made of the dtype, not many cells
            typed = pd.array(labels.to_numpy(), dtype=dtype)
            return pd.Series(typed.take(np.where(absent, -1, places), allow_fill=True), name=self.name)
        made = pd.Series(labels.to_numpy()[places], name=self.name, dtype=object)
        made[absent] = None
        return made.astype(dtype)

    def _dtype(self) -> Any:
        if self.dtype == "category":
            labels: Any = list(self.labels) or None
            return pd.CategoricalDtype(labels, self.kind == "ordered")
        return pd.api.types.pandas_dtype(self.dtype)

    def _dates(self, held: NDArray[np.float64], absent: NDArray[np.bool_]) -> pd.Series:
        counts = held.astype(np.int64) * STEPS[self.step] + self.origin
        kind = f"{'m8' if self.kind == 'duration' else 'M8'}[{_unit(self.step)}]"
        made = counts.view(kind)
        made[absent] = np.array("NaT", kind)
        series = pd.Series(made, name=self.name)
        dtype = pd.api.types.pandas_dtype(self.dtype)
        if isinstance(dtype, pd.DatetimeTZDtype):
            return series.dt.tz_localize("UTC").dt.tz_convert(dtype.tz).astype(dtype)
        return series.astype(dtype)

    # -- as plain values

    def to_json(self) -> dict[str, Any]:
        """What is not the default, in plain values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        usual = {name: field.default for name, field in self.__dataclass_fields__.items()}
        plain["labels"] = list(self.labels)
        return {name: value for name, value in plain.items() if value != usual[name] and value != []}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Raises DataError for a kind that there is not."""
        made = typed(content, cls)
        refuse_dtype(made.dtype)
        dated = made.kind in ("date", "duration")
        refuse(dated and (made.step not in STEPS or abs(made.origin) >= 2**63), "dates have a step and an origin")
        refuse(abs(made.decimals or 0) > 400, "numbers have few decimals")
        refuse(None not in (made.low, made.high) and made.low > made.high, "numbers go from low to high")  # pyright: ignore
        if made.kind not in KINDS:
            raise DataError(f"column {made.name!r}: the kind must be one of {', '.join(KINDS)}; got {made.kind!r}.")
        return made


# -- finding out


def column_of(name: str | int, values: pd.Series) -> Column:
    """What a column is.

    Raises DataError for values that no kind holds (lists, bytes, mixed numbers and texts, complex numbers), with what
    to do about it.
    """
    known = values.dropna()
    made = _typed(name, values.dtype, known)
    made = replace(made, missing=len(known) < len(values))
    if made.kind in LEFT_OUT or made.kind in ("date", "duration"):
        return made
    if len(known) and bool((known == known.iloc[0]).all()) and not made.missing:
        return _constant(made, known)
    return made


def _typed(name: str | int, dtype: Any, known: pd.Series) -> Column:
    label = str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        labels = tuple(map(_plain, dtype.categories))
        _refuse_odd(name, labels)
        return Column(name, "ordered" if dtype.ordered else "category", "category", labels=labels)
    if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind == "M":
        return _timed(name, "date", label, known)
    if dtype.kind == "m":
        return _timed(name, "duration", label, known)
    if pd.api.types.is_bool_dtype(dtype):
        return Column(name, "boolean", label, labels=(False, True))
    if pd.api.types.is_integer_dtype(dtype):
        return _numeric(name, "integer", label, known)
    if pd.api.types.is_float_dtype(dtype):
        return _numeric(name, "continuous", label, known)
    if pd.api.types.is_string_dtype(dtype) or dtype.kind == "O":
        return _of_objects(name, label, known)
    raise DataError(f"column {name!r} has the dtype {label}; numbers, texts, dates or categories are needed.")


def _numeric(name: str | int, kind: str, dtype: str, known: pd.Series) -> Column:
    if not len(known):
        return Column(name, "constant", dtype)
    found = _floats(known, name)
    infinite = ~np.isfinite(found)
    if infinite.any():
        row = known.index[int(infinite.argmax())]
        raise DataError(f"column {name!r} holds {found[infinite][0]} in row {row}; finite numbers are needed.")
    low, high = float(found.min()), float(found.max())
    if kind == "integer" and max(-low, high) > 2**53:
        raise DataError(f"column {name!r} holds whole numbers beyond 2^53; subtract the smallest, or make them texts.")
    whole = kind == "integer" or bool((found == found.round()).all() and max(-low, high) < 2**53)
    if whole and _counts_rows(name, found):
        return Column(name, "identifier", dtype, reason=f"{len(found):,} different whole numbers, one a row")
    if whole:
        return Column(name, "integer", dtype, low=low, high=high, decimals=0)
    return Column(name, kind, dtype, low=low, high=high, decimals=_decimals(found))


def _counts_rows(name: str | int, found: NDArray[np.float64]) -> bool:
    """Whether whole numbers only tell rows apart: all different, and running, or called so."""
    if len(found) < MANY or len(np.unique(found)) < len(found):
        return False
    return bool((np.diff(found) == 1).all()) or bool(NAMED_ID.search(str(name)))


def _decimals(found: NDArray[np.float64]) -> int | None:
    """The fewest decimals that hold all values; None if they have a float's own digits."""
    for decimals in range(1, DECIMALS + 1):
        if (found[:1000].round(decimals) == found[:1000]).all() and (found.round(decimals) == found).all():
            return decimals
    return None


def _timed(name: str | int, kind: str, dtype: str, known: pd.Series) -> Column:
    if not len(known):
        return Column(name, kind, dtype, low=0, high=0, step="day")
    fine = _counts(known, name, "ns") % 1000 if dtype.startswith(("datetime64[ns", "timedelta64[ns")) else np.zeros(1)
    counts = _counts(known, name, "ns" if fine.any() else "us")
    origin = int(counts.min())
    if kind == "date":
        origin -= origin % (STEPS["day"] * (1000 if fine.any() else 1))  # so that times of day can be told
    apart = counts - origin
    step = next((step for step, size in STEPS.items() if not (apart % size).any()), "") if not fine.any() else ""
    step = step or "nanosecond"
    low, high = (int(end) // STEPS[step] for end in (apart.min(), apart.max()))
    if high > 2**53:
        raise DataError(f"column {name!r} spans too much time for nanoseconds; round it to microseconds first.")
    return Column(name, kind, dtype, low=low, high=high, step=step, origin=origin)


def _of_objects(name: str | int, dtype: str, known: pd.Series) -> Column:
    if not len(known):
        return Column(name, "constant", dtype)
    kinds = {str} if isinstance(known.dtype, pd.StringDtype) else {type(value) for value in known}
    if kinds <= {bool, np.bool_}:
        return Column(name, "boolean", dtype, labels=(False, True))
    if kinds <= {int, float, np.int64, np.float64}:
        return _numeric(name, "integer" if kinds <= {int, np.int64} else "continuous", dtype, known)
    if kinds != {str}:
        words = ", ".join(sorted(kind.__name__ for kind in kinds)[:4])
        advice = "make them dates with pandas.to_datetime" if "date" in words else "make them all numbers or all texts"
        raise DataError(f"column {name!r} holds values of the type(s) {words}; {advice} first.")
    return of_texts(name, dtype, tuple(map(str, known.unique())), len(known), known)


def of_texts(name: str | int, dtype: str, labels: Sequence[str], rows: int, some: pd.Series) -> Column:
    """What a column of texts is. labels: all that differ; rows: in which there is one; some: of them."""
    if len(labels) > MANY and 2 * len(labels) > rows:
        words = some.str.count(r"\s").mean() >= 2
        return Column(
            name, "text" if words else "identifier", dtype, reason=f"{len(labels):,} of {rows:,} texts differ"
        )
    return Column(name, "category", dtype, labels=tuple(sorted(labels)))


def _constant(column: Column, known: pd.Series) -> Column:
    if column.kind in ("category", "ordered") and column.dtype == "category" and len(column.labels) > 1:
        return column  # labels that are known and not there yet
    return Column(column.name, "constant", column.dtype, labels=(_plain(known.iloc[0]),))


# -- plain values


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _refuse_odd(name: str | int, labels: tuple[Any, ...]) -> None:
    odd = next((label for label in labels if not isinstance(label, str | int | float | bool)), None)
    if odd is not None:
        raise DataError(
            f"column {name!r}: categories must be texts or numbers; got {type(odd).__name__}. Make them texts first."
        )


def _floats(values: pd.Series, name: str | int) -> NDArray[np.float64]:
    try:
        return values.to_numpy(np.float64, na_value=np.nan, copy=True)
    except (ValueError, TypeError) as error:
        raise DataError(f"column {name!r} must hold numbers: {error}.") from None


def _unit(step: str) -> str:
    return "ns" if step == "nanosecond" else "us"


def _counts(values: pd.Series, name: str | int, unit: str) -> NDArray[np.int64]:
    """Of a unit since 1970 (dates, in UTC), or of a duration; what is missing is the least number of all."""
    kind = f"{'m8' if values.dtype.kind == 'm' else 'M8'}[{unit}]"
    try:
        aware = isinstance(values.dtype, pd.DatetimeTZDtype)
        plain = values.dt.tz_convert("UTC").dt.tz_localize(None) if aware else values
        return plain.to_numpy().astype(kind).view(np.int64)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"column {name!r} must hold dates: {error}.") from None


def _cast(numbers: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind in "iu":
        return numbers.astype(np.int64).astype(dtype)
    if dtype.kind == "O":
        return np.array([int(number) if number.is_integer() else number for number in numbers.tolist()], dtype=object)
    return numbers.astype(dtype)
