"""Samples under conditions: those of a generator's rows that meet them, so exactly its conditional distribution."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.columns import LABELLED, Column
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema, nearest
from sparring.errors import DataError, InputError
from sparring.seeds import derive

__all__ = ["checked_where", "rows_where"]

PATIENCE = 200_000  # rows without a single one that fits, after which the conditions count as impossible
RAREST = 1e-5  # share of rows that fit, below which it would take too long
LEAST, MOST = 2_000, 50_000  # rows of a draw
Test = Callable[[pd.Series], NDArray[np.bool_]]


def checked_where(schema: Schema, where: Mapping[Any, Any]) -> dict[Any, Test]:
    """A test for each column that is named.

    where: column to the value it must have, a list of values, or for numbers and dates a pair (low, high), ends
    included; None for a missing value. Raises InputError for what is no mapping, DataError for a column, a label or a
    number that the data never had.
    """
    if not isinstance(schema, MixedSchema):
        raise InputError("where= is for tables with categories, dates or gaps; this model learned other data.")
    if not isinstance(where, Mapping) or not where:
        raise InputError(f"where must map columns to values, as in {{'sex': 'Female'}}; got {where!r}")
    columns = {column.name: column for column in schema.columns}
    for name in where:
        if name not in columns:
            raise DataError(f"there is no column {name!r}{nearest(str(name), map(str, columns))}")
    return {name: _test(columns[name], wanted) for name, wanted in where.items()}


def rows_where(draw: Callable[[int, int], pd.DataFrame], tests: Mapping[Any, Test], n: int, seed: int) -> pd.DataFrame:
    """n rows that pass all tests. draw: (how many, seed) to rows.

    Raises DataError if none of 200,000 rows passes, or fewer than one in 100,000.
    """
    found: list[pd.DataFrame] = []
    kept = tried = 0
    while kept < n:
        size = LEAST if not kept else int(np.clip(1.2 * (n - kept) * tried / kept, LEAST, MOST))
        rows: Any = draw(size, derive(seed, "where", len(found)))
        fits = np.ones(len(rows), bool)
        for name, test in tests.items():
            fits &= test(rows[name])
        found.append(rows[fits])
        kept, tried = kept + int(fits.sum()), tried + size
        if tried >= PATIENCE and kept < tried * RAREST:
            raise DataError(
                f"{kept} of {tried:,} rows that were made have {', '.join(map(repr, tests))} as asked: such rows are "
                "too rare to be made, or cannot be. Ask for less at once."
            )
    return pd.concat(found, ignore_index=True).iloc[:n]


def _test(column: Column, wanted: Any) -> Test:
    if isinstance(wanted, tuple):
        return _between(column, wanted)
    values = list(wanted) if isinstance(wanted, list | set | frozenset) else [wanted]
    missing = any(_is_missing(value) for value in values)
    if missing and not column.missing:
        raise DataError(f"column {column.name!r} never has a missing value.")
    known = [_known(column, value) for value in values if not _is_missing(value)]

    def test(made: pd.Series) -> NDArray[np.bool_]:
        fits: Any = made.isin(known)
        return np.asarray((fits | made.isna()) if missing else fits, bool)

    return test


def _between(column: Column, ends: tuple[Any, ...]) -> Test:
    if len(ends) != 2 or column.kind in ("boolean", "category"):
        raise InputError(f"column {column.name!r}: a pair (low, high) is for numbers, dates and ordered categories.")
    low, high = (None if end is None else _numbers(column, end) for end in ends)

    def test(made: pd.Series) -> NDArray[np.bool_]:
        numbers = column.numbers(made)
        return ~np.isnan(numbers) & (numbers >= _or(low, -np.inf)) & (numbers <= _or(high, np.inf))

    if None not in (low, high) and _or(low, 0) > _or(high, 0):
        raise InputError(f"column {column.name!r}: the low end of {ends} is above the high one.")
    return test


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _known(column: Column, value: Any) -> Any:
    """The value as the column has it. Raises DataError if the data never had it."""
    if column.kind in LABELLED:
        texts = {str(label): label for label in column.labels}
        if value not in column.labels and str(value) not in texts:
            raise DataError(f"column {column.name!r} never was {value!r}{nearest(str(value), texts)}")
        return value if value in column.labels else texts[str(value)]
    number = _numbers(column, value)
    if not _or(column.low, -np.inf) <= number <= _or(column.high, np.inf):
        low, high = (column.values(np.array([_or(end, 0)])).iloc[0] for end in (column.low, column.high))
        raise DataError(f"column {column.name!r} lies between {low} and {high}; it never was {value!r}.")
    return column.values(np.array([number])).iloc[0]


def _numbers(column: Column, value: Any) -> float:
    """A value of the user's, or its text, as the column's number."""
    dtype = "object" if column.kind in LABELLED else column.dtype
    try:
        if column.kind == "date":
            stamp = pd.Timestamp(value)
            zone = getattr(pd.api.types.pandas_dtype(column.dtype), "tz", None)
            made = pd.Series([stamp.tz_localize(zone) if zone is not None and stamp.tzinfo is None else stamp])
        else:
            made = pd.Series([value if column.kind in LABELLED else float(value)]).astype(dtype)
        return float(column.numbers(made)[0])
    except (ValueError, TypeError) as error:
        raise DataError(f"column {column.name!r} cannot be {value!r}: {error}") from None


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))
