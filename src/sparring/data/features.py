"""Columns of a table as inputs of a network: numbers scaled, categories one-hot.

Unlike ``TableSchema`` this goes one way only, so it may be kinder: a constant column is allowed (it
says nothing, and becomes 0), and text is allowed where it names categories.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.plain import refuse
from sparring.data.schema import nearest
from sparring.documents import finite
from sparring.errors import DataError, ShapeError

__all__ = ["MOST_CATEGORIES", "Column", "Features", "columns_of", "numbers_of", "plain_numbers", "refuse_missing"]

MOST_CATEGORIES = 256  # different texts in a column
PART = 256  # rows


@dataclass(frozen=True)
class Column:
    """A column of numbers (categories None), or of categories: their texts, sorted."""

    name: str
    categories: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """How many inputs it becomes."""
        return 1 if self.categories is None else len(self.categories)


def columns_of(frame: pd.DataFrame) -> tuple[Column, ...]:
    """What each column is: text and pandas categories are categories; numbers and booleans are numbers.

    Raises DataError for other types (dates, say), for missing values, for a column in which texts and numbers
    are mixed, and for one with too many different texts.
    """
    return tuple(_column(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns))


def plain_numbers(frame: pd.DataFrame) -> bool:
    """Whether all columns are numbers or booleans, and none has gaps."""
    return all(_is_plain(frame.iloc[:, i]) for i in range(frame.shape[1]))


def _is_plain(values: pd.Series) -> bool:
    if values.isna().any():
        return False
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        return True
    return values.dtype.kind == "O" and all(isinstance(value, int | float | np.number | np.bool_) for value in values)


def _column(name: str, values: pd.Series) -> Column:
    if values.isna().any():
        row = int(np.flatnonzero(values.isna().to_numpy())[0])
        raise DataError(
            f"column {name!r} holds NaN (a missing value), first in row {row}; fill or leave out such rows."
        )
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return Column(name)
    text = isinstance(dtype, pd.CategoricalDtype) or dtype.kind == "O" or pd.api.types.is_string_dtype(dtype)
    if not text:
        raise DataError(f"column {name!r} has the dtype {dtype}; numbers or categories are needed. Convert it first.")
    found = [] if isinstance(dtype, pd.CategoricalDtype) else [isinstance(value, str) for value in values]
    if found and not any(found):
        _refuse_objects(name, values)
        return Column(name)
    if found and not all(found):
        row = found.index(True)
        raise DataError(f"column {name!r} mixes numbers and texts: row {row} holds {values.iloc[row][:40]!r}.")
    categories = sorted({str(value) for value in values})
    if len(categories) > MOST_CATEGORIES:
        raise DataError(
            f"column {name!r} holds {len(categories)} different texts, and at most {MOST_CATEGORIES} make categories. "
            "Leave it out, or group its values."
        )
    return Column(name, tuple(categories))


def _refuse_objects(name: str, values: pd.Series) -> None:
    for row, value in enumerate(values):
        if not isinstance(value, int | float | np.number | np.bool_):
            raise DataError(
                f"column {name!r}: an argument must be a string or a real number, "
                f"not a {type(value).__name__} (row {row})."
            )


def refuse_missing(numbers: NDArray[np.float64], names: tuple[str, ...], what: str = "X") -> None:
    """Raise DataError with the column and row of the first value that is not finite."""
    if np.isfinite(numbers.sum()) or np.isfinite(numbers).all():  # a sum costs less than a mask
        return
    row, column = (int(i) for i in np.argwhere(~np.isfinite(numbers))[0])
    bad = "NaN" if np.isnan(numbers[row, column]) else "infinity"
    raise DataError(
        f"{what} contains {bad}: column {names[column]!r}, row {row}. "
        "Finite numbers are needed; fill or remove such values."
    )


@dataclass(frozen=True)
class Features:
    """Rows of columns -> float32 (n, inputs): numbers of mean 0 and deviation 1, categories one-hot.

    x -> (x - mean) / deviation, computed in float64 (a constant column has deviation 1). Columns of one unit,
    such as the pixels of an image, are all divided by their root mean square deviation: divided each by its
    own, a pixel that is almost never set would count as much as one in the middle. They are taken to have one
    unit where their smallest values are equal, and half of them have at least half of the widest one's range.
    A category is 1 in its own place and 0 elsewhere; one that was not seen is 0 everywhere.
    means, deviations: one per input.
    """

    columns: tuple[Column, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    kind = "features"

    @classmethod
    def of(
        cls, columns: tuple[Column, ...], numbers: NDArray[np.float64], rows: NDArray[np.int64] | None = None
    ) -> Self:
        """The scaling of rows that ``numbers_of`` gave, or of some of them."""
        rows = np.arange(len(numbers)) if rows is None else rows
        means, deviations, lows, highs = _moments(numbers, rows)
        is_number = np.repeat([column.categories is None for column in columns], [column.width for column in columns])
        huge = np.flatnonzero(~np.isfinite(deviations[is_number]))
        if len(huge):
            name = [column.name for column in columns if column.categories is None][huge[0]]
            raise DataError(f"numbers too large to scale in column {name!r}; divide them first.")
        # what rounding alone makes is no deviation: a column of 0.1 would be blown up to noise
        still = deviations <= 10 * np.finfo(np.float64).eps * np.abs(means)
        varying = is_number & ~still
        if varying.any() and _have_one_unit(lows[varying], highs[varying]):
            deviations[varying] = np.sqrt(np.square(deviations[varying]).mean())
        deviations[still] = 1.0
        means[~is_number], deviations[~is_number] = 0.0, 1.0  # a 1 in its place says more than a scaled one
        return cls(columns, tuple(means.tolist()), tuple(deviations.tolist()))

    @property
    def shape(self) -> tuple[int]:
        return (len(self.means),)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def plain(self) -> bool:
        """Whether every column is of numbers."""
        return all(column.categories is None for column in self.columns)

    def numbers(self, values: NDArray[Any] | pd.DataFrame) -> NDArray[np.float64]:
        """Rows as numbers, not scaled yet: (n, inputs). Raises DataError or ShapeError for what does not fit."""
        if isinstance(values, pd.DataFrame):
            values = self.chosen(values)
        elif np.shape(values)[1] != len(self.columns):
            raise ShapeError(f"X has {np.shape(values)[1]} features, but {len(self.columns)} were learned from.")
        return numbers_of(values, self.columns)

    def scaled(self, numbers: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows of mean 0 and deviation 1."""
        means, deviations = np.array(self.means), np.array(self.deviations)
        scaled = np.empty((len(rows), len(means)), np.float32)
        for part, into in zip(_parts(rows), _parts(scaled), strict=True):
            into[:] = (numbers[part] - means) / deviations
        return scaled

    def encode(self, values: NDArray[Any] | pd.DataFrame) -> NDArray[np.float32]:
        numbers = self.numbers(values)
        return self.scaled(numbers, np.arange(len(numbers)))

    def chosen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns that were learned from, by name; others are passed over."""
        there = {str(name): i for i, name in enumerate(frame.columns)}
        missing = [name for name in self.names if name not in there]
        if missing:
            raise DataError(f"there is no column {missing[0]!r}{nearest(missing[0], there)}; the model needs it.")
        return frame.iloc[:, [there[name] for name in self.names]]

    def to_json(self) -> dict[str, Any]:
        columns = [[column.name, column.categories and list(column.categories)] for column in self.columns]
        return {"kind": self.kind, "columns": columns, "means": list(self.means), "deviations": list(self.deviations)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        columns = tuple(Column(name, None if known is None else tuple(known)) for name, known in content["columns"])
        made = cls(columns, tuple(content["means"]), tuple(content["deviations"]))
        refuse(not columns or not all(isinstance(column.name, str) for column in columns), "columns have names")
        widths = sum(column.width for column in columns)
        refuse({len(made.means), len(made.deviations)} != {widths}, "there is a scale for each input")
        finite(content)
        refuse(np.array(made.deviations, np.float64) <= 0, "deviations must be above 0")
        np.array(made.means, np.float64)
        return made


def _moments(numbers: NDArray[np.float64], rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Means, deviations, smallest and largest values of the columns."""
    means, squares = np.zeros(numbers.shape[1]), np.zeros(numbers.shape[1])
    lows, highs = np.full_like(means, np.inf), np.full_like(means, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for part in _parts(rows):
            chosen = numbers[part]
            means += chosen.sum(0) / len(rows)
            np.minimum(lows, chosen.min(0), out=lows)
            np.maximum(highs, chosen.max(0), out=highs)
        for part in _parts(rows):
            squares += np.square(numbers[part] - means).sum(0)
        return means, np.sqrt(squares / len(rows)), lows, highs


def _have_one_unit(lows: NDArray[np.float64], highs: NDArray[np.float64]) -> bool:
    ranges = highs - lows
    return bool((lows == lows[0]).all() and np.median(ranges) >= ranges.max() / 2)


def _parts(rows: NDArray[Any]) -> list[NDArray[Any]]:
    """Rows in parts so small that what is computed from one stays in the processor's cache."""
    return [rows[at : at + PART] for at in range(0, len(rows), PART)]


def numbers_of(values: NDArray[Any] | pd.DataFrame, columns: tuple[Column, ...]) -> NDArray[np.float64]:
    """Numbers as they are and categories one-hot, (n, inputs) in float64; all finite."""
    names = tuple(column.name for column in columns)
    if not isinstance(values, pd.DataFrame):
        numbers = np.asarray(values, np.float64)
        refuse_missing(numbers, names)
        return numbers
    parts = [_column_numbers(values.iloc[:, i], column) for i, column in enumerate(columns)]
    numbers = np.column_stack(parts)
    refuse_missing(numbers, tuple(column.name for column in columns for _ in range(column.width)))
    return numbers


def _column_numbers(values: pd.Series, column: Column) -> NDArray[np.float64]:
    if column.categories is None:
        try:
            return values.to_numpy(np.float64, na_value=np.nan)[:, None]
        except (ValueError, TypeError) as error:
            raise DataError(f"column {column.name!r} must hold numbers: {error}.") from None
    if values.isna().any():
        _column(column.name, values)  # says where
    places = pd.Index(column.categories).get_indexer(pd.Index(values.astype(str)))
    return (places[:, None] == np.arange(len(column.categories))).astype(np.float64)
