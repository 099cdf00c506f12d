"""Tables of numbers: their encoding, and CSV files."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.schema import Schema, checked_numbers
from sparring.errors import DataError, ShapeError
from sparring.shapes import describe

__all__ = ["TableSchema", "checked_table", "read_csv"]


@dataclass(frozen=True)
class TableSchema(Schema):
    """Rows (n, p) of numbers <-> float32 (n, p) of mean 0 and standard deviation 1 per column.

    names: of the columns. dtypes: of the columns; whole numbers are rounded on the way back.
    frame: whether the data came as a DataFrame (and go back as one).
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    dtypes: tuple[str, ...]
    frame: bool
    kind = "table"

    @classmethod
    def of(cls, values: NDArray[Any] | pd.DataFrame) -> Self:
        """The schema of some rows. Raises DataError for constant columns."""
        frame = isinstance(values, pd.DataFrame)
        numbers = np.asarray(values, np.float64)
        if frame:
            names = tuple(str(name) for name in values.columns)
            dtypes = tuple(str(dtype) for dtype in values.dtypes)
        else:
            names = tuple(f"x{i}" for i in range(numbers.shape[1]))
            dtypes = (str(values.dtype),) * numbers.shape[1]
        constant = [f"{name} (always {numbers[0, i]:g})" for i, name in enumerate(names) if np.ptp(numbers[:, i]) == 0]
        if constant:
            shown = ", ".join(constant[:5]) + (f" and {len(constant) - 5} more" if len(constant) > 5 else "")
            raise DataError(f"constant column(s) teach nothing and cannot be scaled: {shown}. Leave them out.")
        return cls(names, tuple(numbers.mean(0).tolist()), tuple(numbers.std(0).tolist()), dtypes, frame)

    @property
    def shape(self) -> tuple[int]:
        return (len(self.names),)

    @property
    def bounded(self) -> bool:
        return False

    def check(self, values: Any) -> None:
        found = np.shape(values)
        if len(found) != 2 or found[1] != len(self.names):
            raise ShapeError(f"the rows must have the shape (n, {len(self.names)}); got {describe(found)}.")
        if isinstance(values, pd.DataFrame) and self.frame and list(map(str, values.columns)) != list(self.names):
            raise ShapeError(
                f"the columns must be {', '.join(self.names)}, in this order; "
                f"got {', '.join(map(str, values.columns))}."
            )

    def encode(self, values: Any) -> NDArray[np.float32]:
        self.check(values)
        numbers = np.asarray(values, np.float64)
        return ((numbers - np.array(self.means)) / np.array(self.deviations)).astype(np.float32)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any] | pd.DataFrame:
        numbers = np.asarray(encoded, np.float64) * np.array(self.deviations) + np.array(self.means)
        if not self.frame:
            return _cast(numbers, self.dtypes[0])
        columns = {name: _cast(numbers[:, i], self.dtypes[i]) for i, name in enumerate(self.names)}
        return pd.DataFrame(columns)

    def to_json(self) -> dict[str, Any]:
        lists = {"names": self.names, "means": self.means, "deviations": self.deviations, "dtypes": self.dtypes}
        return {"kind": self.kind, "frame": self.frame, **{name: list(value) for name, value in lists.items()}}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        lists = {name: tuple(content[name]) for name in ("names", "means", "deviations", "dtypes")}
        return cls(**lists, frame=content["frame"])


def _cast(numbers: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return numbers.round().clip(limits.min, limits.max).astype(kind)
    return numbers.astype(kind)


# -- CSV files


def read_csv(path: Path) -> pd.DataFrame:
    """A CSV of numbers. The delimiter (comma, semicolon, tab) and whether there is a header are found out.

    Raises DataError that names the file, the line and the column for text, empty or infinite cells,
    rows of another length, and files without at least two rows.
    """
    lines = _lines(path)
    if not lines:
        raise DataError(f"{path} is empty; a CSV of numbers is needed.")
    (first_line, first), rest = lines[0], lines[1:]
    has_header = not all(_number(cell) is not None for cell in first)
    names = [cell.strip() or f"x{i}" for i, cell in enumerate(first)] if has_header else None
    body = rest if has_header else lines
    if len(body) < 2:
        raise DataError(f"{path} has {len(body)} row(s) of data; at least 2 are needed.")
    names = names or [f"x{i}" for i in range(len(first))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line {first_line}: the column name {twice[0]!r} appears twice.")
    numbers = np.array([_row(path, line, cells, names) for line, cells in body])
    frame = pd.DataFrame(numbers, columns=pd.Index(names))
    whole = [name for i, name in enumerate(names) if _all_whole(body, i, numbers[:, i])]
    return frame.astype(dict.fromkeys(whole, np.int64))


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); a CSV of numbers is needed.") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _row(path: Path, line: int, cells: list[str], names: list[str]) -> list[float]:
    if len(cells) != len(names):
        raise DataError(f"{path}, line {line}: {len(cells)} cells, but there are {len(names)} columns.")
    numbers = []
    for cell, name in zip(cells, names, strict=True):
        number = _number(cell)
        if number is None or not np.isfinite(number):
            found = f"{cell.strip()!r}" if cell.strip() else "an empty cell"
            raise DataError(f"{path}, line {line}, column {name!r}: found {found}; a finite number is needed.")
        numbers.append(number)
    return numbers


def _all_whole(body: list[tuple[int, list[str]]], column: int, numbers: NDArray[np.float64]) -> bool:
    """Whether a column is written without a decimal point or exponent, and fits 53 bits."""
    return bool(np.abs(numbers).max() < 2**53) and all(
        cells[column].strip().lstrip("+-").isdecimal() for _, cells in body
    )


def checked_table(values: Any) -> NDArray[Any] | pd.DataFrame:
    """Rows of finite numbers, an array or a DataFrame of at least two rows."""
    if isinstance(values, pd.DataFrame):
        for name in values.columns:
            if values[name].dtype.kind not in "iufb":
                raise DataError(f"column {name!r} has the dtype {values[name].dtype}; numbers are needed.")
            checked_numbers(values[name].to_numpy(), f"column {name!r}")
        return values
    return checked_numbers(values)
