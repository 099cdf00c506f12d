"""One long series of numbers from a file, and its scaling."""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sparring.data.lines import read_lines
from sparring.data.schema import checked_numbers, nearest
from sparring.data.source import existing, from_npy
from sparring.errors import DataError, InputError, ShapeError
from sparring.quiet import quiet
from sparring.shapes import check, describe

__all__ = ["Scaling", "Series", "finite_number", "read_series"]

TABLES = (".csv", ".tsv", ".txt")
MISSING = ("", "?", "-", ".", "na", "n/a", "nan", "null", "none")  # how files write that a value is missing


@dataclass(frozen=True, eq=False)
class Series:
    """Values float64 (t, columns), equally spaced in time, the oldest first; names: of the columns."""

    values: NDArray[np.float64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        check("the values of a series", self.values, "t columns", columns=len(self.names))

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Scaling:
    """x -> (x - mean) / deviation for each column, in float64.

    To be made of the training part alone: the mean of what is to be forecast says something about it.

    >>> scaling = Scaling.of([[1.0, 7.0], [3.0, 7.0]])
    >>> scaling
    Scaling(means=(2.0, 7.0), deviations=(1.0, 1.0))
    >>> scaling.scale([[5.0, 8.0]])
    array([[3., 1.]])
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __post_init__(self) -> None:
        good = all(math.isfinite(x) for x in (*self.means, *self.deviations)) and all(x > 0 for x in self.deviations)
        if len(self.means) != len(self.deviations) or not good:
            raise InputError(
                "a scaling needs a finite mean and a finite deviation above 0 for each column; "
                f"got the means {self.means} and the deviations {self.deviations}."
            )

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """The mean and the standard deviation (divided by t, not t - 1) of each column of values (t, columns).

        A column that never changes has its value as mean, and the deviation 1. Raises ShapeError for another shape or
        no rows, DataError for values that are not finite numbers or too large to square.
        """
        numbers = np.asarray(checked_numbers(values, "the values"), np.float64)
        check("the values", numbers, "t columns")
        if not len(numbers):
            raise ShapeError("a scaling needs at least one row of values; got none.")
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            means, deviations = numbers.mean(0), numbers.std(0)
        huge = np.flatnonzero(~np.isfinite(deviations))
        if len(huge):
            raise DataError(f"column {huge[0]} has numbers too large to scale; divide them first.")
        still = numbers.min(0) == numbers.max(0)  # rounding leaves their deviation just off zero
        means = np.where(still, numbers[0], means)
        return cls(tuple(means.tolist()), tuple(np.where(still | (deviations == 0), 1.0, deviations).tolist()))

    def scale(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values (..., columns), scaled. Raises ShapeError for another number of columns."""
        return (self._fitting(values) - np.array(self.means)) / np.array(self.deviations)

    def unscale(self, values: ArrayLike) -> NDArray[np.float64]:
        """The inverse of ``scale``."""
        return self._fitting(values) * np.array(self.deviations) + np.array(self.means)

    def only(self, columns: Sequence[int]) -> Self:
        """The scaling of some columns, in the order given: of targets, say."""
        return type(self)(tuple(self.means[i] for i in columns), tuple(self.deviations[i] for i in columns))

    def _fitting(self, values: ArrayLike) -> NDArray[np.float64]:
        numbers = np.asarray(values, np.float64)
        if numbers.shape[-1:] != (len(self.means),):
            raise ShapeError(f"values must have the shape (..., {len(self.means)}); got {describe(numbers.shape)}.")
        return numbers

    def to_json(self) -> dict[str, Any]:
        return {"means": list(self.means), "deviations": list(self.deviations)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What ``to_json`` gave. Raises DataError for anything else."""
        try:
            return cls(*(tuple(float(x) for x in content[name]) for name in ("means", "deviations")))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the scaling is damaged: {error}. One that to_json gave is needed.") from None


# -- files


def read_series(path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> Series:
    """One long series from a .csv, .tsv or .txt (.gz too) with a header, or from an .npy of the shape (t,) or (t, c).

    columns: the names of those to read, in that order; None: all that hold numbers. Of a table, None leaves out the
    first column if none of its cells is a number, or if it has no name (the index that pandas writes), and any other
    column of dates. The columns of an .npy are called x0, x1, ...

    Raises DataError with the line and the column for other texts, for missing and for infinite values, and for a file
    that cannot be read, has no header, lines of different lengths, a name twice, or not the columns asked for.
    """
    place = existing(os.fspath(path), ())
    kind = Path(place.name.removesuffix(".gz")).suffix.lower()
    if place.suffix.lower() == ".npy":
        return _from_npy(place, columns)
    if kind not in TABLES:
        raise DataError(f"{place} has no known kind; a .csv or .tsv (.gz too) or an .npy is needed.")
    names, body = _cells(place)
    chosen = list(range(len(names))) if columns is None else _places(place, names, columns)
    if columns is None:
        chosen = [i for i in chosen if not _left_out(i, names[i], [cells[i] for _, cells in body])]
    if not chosen:
        raise DataError(f"{place} has no column of numbers; it has {', '.join(names[:20])}.")
    found = [_numbers(place, names[i], [(line, cells[i]) for line, cells in body]) for i in chosen]
    return Series(np.stack(found, axis=1), tuple(names[i] for i in chosen))


def _from_npy(path: Path, columns: Sequence[str] | None) -> Series:
    values = from_npy(path)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise ShapeError(f"{path} must have the shape (t,) or (t, columns); got {describe(values.shape)}.")
    names = [f"x{i}" for i in range(values.shape[1])]
    if columns is not None:
        names = list(columns)
        values = values[:, _places(path, [f"x{i}" for i in range(values.shape[1])], columns)]
    if values.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0].tolist()
            raise _no_number(f"{path}, row {row} (from 0), column {names[column]!r}", str(values[row, column]))
    return Series(np.asarray(checked_numbers(values, str(path)), np.float64), tuple(names))


def _places(path: Path, names: Sequence[str], columns: Sequence[str]) -> list[int]:
    missing = [name for name in columns if name not in names]
    if missing or not columns:
        asked = f"has no column {missing[0]!r}{nearest(missing[0], names)}" if missing else "was asked for no column"
        raise DataError(f"{path} {asked}.")
    return [names.index(name) for name in columns]


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the number and cells of every line after them that is not blank."""
    lines = read_lines(path)
    head = next((line for line in lines if line.strip()), "")
    rows = csv.reader(lines, delimiter=max(",;\t", key=head.count))
    try:
        full = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}; cells parted by commas are needed.") from None
    if len(full) < 2:
        raise DataError(f"{path} holds no values; a line of names and a line for every step in time are needed.")
    (line, names), body = full[0], full[1:]
    if all(finite_number(cell) is not None for cell in names[1:] or names):  # the first may be a date
        raise DataError(f"{path}, line {line}: the names of the columns are needed; got {', '.join(names[:5])}.")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path}, line {line}: the column name {twice[0]!r} appears twice.")
    for line, cells in body:
        if len(cells) != len(names):
            raise DataError(f"{path}, line {line}: {len(cells)} cells, but there are {len(names)} columns.")
    return names, body


def _left_out(place: int, name: str, cells: list[str]) -> bool:
    """Whether a column says when, and no more: the first one without numbers or without a name, and one of dates."""
    if place == 0 and not name:
        return True
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    if not filled or any(finite_number(cell) is not None for cell in filled):
        return False  # numbers with a text among them are a mistake to be told
    return place == 0 or _are_dates(filled)


def _are_dates(cells: list[str]) -> bool:
    if not all(any(character.isdigit() for character in cell) for cell in cells):  # pandas knows "now" and "May"
        return False
    with quiet():  # about the order of day and month, and mixed time zones
        return bool(pd.to_datetime(pd.Series(cells), format="mixed", errors="coerce", utc=True).notna().all())


def _numbers(path: Path, name: str, cells: list[tuple[int, str]]) -> NDArray[np.float64]:
    numbers = np.empty(len(cells))
    for i, (line, cell) in enumerate(cells):
        number = finite_number(cell)
        if number is None:
            raise _no_number(f"{path}, line {line}, column {name!r}", cell)
        numbers[i] = number
    return numbers


def _no_number(where: str, cell: str) -> DataError:
    """The refusal of a cell, with the way to mend it."""
    found = f"found {cell[:40]!r}" if cell else "found an empty cell"
    if cell.lower() in MISSING:
        hint = " Fill gaps before, such as with pandas' interpolate() or ffill(), or cut the series there."
    else:
        hint = " Write decimals with a point." if finite_number(cell.replace(",", ".", 1)) is not None else ""
    return DataError(f"{where}: {found}; a finite number is needed.{hint}")


def finite_number(cell: str | bytes) -> float | None:
    """The finite number that a cell holds, or None.

    >>> finite_number("-1.5e3"), finite_number(b"2"), finite_number("nan"), finite_number("1_000"), finite_number("")
    (-1500.0, 2.0, None, None, None)
    """
    try:
        number = float(cell)
    except ValueError:
        return None
    underscored = "_" in cell if isinstance(cell, str) else b"_" in cell  # to Python a number, to nobody else
    return number if math.isfinite(number) and not underscored else None
