"""Tables of numbers: their encoding, and CSV files."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.plain import refuse, typed
from sparring.data.schema import Schema, checked_numbers, refuse_too_close, rounded_to
from sparring.errors import DataError, ShapeError
from sparring.shapes import describe

__all__ = ["MOST_COLUMNS", "TableSchema", "checked_table", "is_number", "read_csv", "refuse_names"]


@dataclass(frozen=True)
class TableSchema(Schema):
    """Rows (n, p) of numbers <-> float32 (n, p) of mean 0 and standard deviation 1 per column.

    x -> (x - mean) / deviation of the column, computed in float64.
    names: of the columns; what is no whole number becomes text. dtypes: of the columns; whole numbers
    are rounded on the way back.
    frame: whether the data came as a DataFrame (and go back as one).
    """

    names: tuple[str | int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    dtypes: tuple[str, ...]
    frame: bool
    kind = "table"

    @classmethod
    def of(cls, values: NDArray[Any] | pd.DataFrame) -> Self:
        """The schema of some rows. Raises DataError for constant columns, and for ones too large to square."""
        frame = isinstance(values, pd.DataFrame)
        numbers = np.asarray(values, np.float64)
        if frame:
            names = tuple(int(n) if isinstance(n, int | np.integer) else str(n) for n in values.columns)
            dtypes = tuple(str(dtype) for dtype in values.dtypes)
        else:
            names = tuple(f"x{i}" for i in range(numbers.shape[1]))
            dtypes = (str(values.dtype),) * numbers.shape[1]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            means, deviations = numbers.mean(0), numbers.std(0)
        for i, name in enumerate(names):
            refuse_too_close(values.iloc[:, i] if frame else values[:, i], f"column {name}")
        huge = [str(name) for name, deviation in zip(names, deviations, strict=True) if not np.isfinite(deviation)]
        if huge:
            raise DataError(f"numbers too large to scale in the column(s) {', '.join(huge[:5])}; divide them first.")
        _refuse_constant(numbers, names, deviations)
        return cls(names, tuple(means.tolist()), tuple(deviations.tolist()), dtypes, frame)

    @property
    def shape(self) -> tuple[int]:
        return (len(self.names),)

    @property
    def row_shape(self) -> tuple[int]:
        return self.shape

    @property
    def bounded(self) -> bool:
        return False

    def check(self, values: Any) -> None:
        found = np.shape(values)
        if len(found) != 2 or found[1] != len(self.names):
            raise ShapeError(f"the rows must have the shape (n, {len(self.names)}); got {describe(found)}.")
        if (
            isinstance(values, pd.DataFrame)
            and self.frame
            and list(map(str, values.columns)) != list(map(str, self.names))
        ):
            raise ShapeError(
                f"the columns must be {', '.join(map(str, self.names))}, in this order; "
                f"got {', '.join(map(str, values.columns))}."
            )

    def encode(self, values: Any) -> NDArray[np.float32]:
        self.check(values)
        numbers = np.asarray(values, np.float64)
        return ((numbers - np.array(self.means)) / np.array(self.deviations)).astype(np.float32)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any] | pd.DataFrame:
        numbers = np.asarray(encoded, np.float64) * np.array(self.deviations) + np.array(self.means)
        if not self.frame:
            return rounded_to(numbers, self.dtypes[0])
        columns = {name: _as_column(numbers[:, i], self.dtypes[i]) for i, name in enumerate(self.names)}
        return pd.DataFrame(columns)

    def to_json(self) -> dict[str, Any]:
        lists = {"names": self.names, "means": self.means, "deviations": self.deviations, "dtypes": self.dtypes}
        return {"kind": self.kind, "frame": self.frame, **{name: list(value) for name, value in lists.items()}}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls, ("names", "means", "deviations", "dtypes"), "deviations", "dtypes")
        refuse(not made.names, "a table has columns")
        return made


def _refuse_constant(numbers: NDArray[Any], names: tuple[str | int, ...], deviations: NDArray[Any]) -> None:
    lows, highs = numbers.min(0), numbers.max(0)
    constant = [
        f"{name} (always {lows[i]:g})" if lows[i] == highs[i] else f"{name} (from {lows[i]:g} to {highs[i]:g})"
        for i, name in enumerate(names)
        if lows[i] == highs[i] or deviations[i] == 0  # apart, but their variance is no float
    ]
    if constant:
        shown = ", ".join(constant[:5]) + (f" and {len(constant) - 5} more" if len(constant) > 5 else "")
        raise DataError(f"constant column(s) teach nothing and cannot be scaled: {shown}. Leave them out.")


def _as_column(numbers: NDArray[np.float64], dtype: str) -> pd.Series:
    """A column of a NumPy dtype, or of a pandas one over it (Int64)."""
    kind = pd.api.types.pandas_dtype(dtype)
    return pd.Series(rounded_to(numbers, getattr(kind, "numpy_dtype", kind))).astype(kind)


# -- CSV files


def read_csv(path: Path, texts: bool = False) -> pd.DataFrame:
    """A CSV of numbers. The delimiter (comma, semicolon, tab) and whether there is a header are found out.

    The first line is a header if it holds text and no decimal number; blank lines are passed over. A
    column written without decimal points becomes int64, any other float64. texts: whether a column may
    hold texts, if none of its cells is a number; then the first line is a header in any case.
    Raises DataError that names the file, the line and the column for text, empty or infinite cells,
    rows of another length, and files without at least two rows.
    """
    lines = _lines(path)
    if not lines:
        raise DataError(f"{path} is empty; a CSV of numbers is needed.")
    (first_line, first), rest = lines[0], lines[1:]
    headed = texts or _is_header(first)
    body = rest if headed else lines
    fewest = 1 if texts else 2  # a prediction may be of one row
    if len(body) < fewest:
        raise DataError(
            f"{path} has {len(body)} row(s) of data; at least {fewest} {'are' if fewest > 1 else 'is'} needed."
        )
    if len(first) > MOST_COLUMNS:
        raise DataError(f"{path}, line 1: {len(first):,} cells; a table of at most {MOST_COLUMNS:,} columns is needed.")
    names = [(headed and cell.strip()) or f"x{i}" for i, cell in enumerate(first)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line {first_line}: the column name {twice[0]!r} appears twice.")
    for line, cells in body:
        if len(cells) != len(names):
            raise DataError(f"{path}, line {line}: {len(cells)} cells, but there are {len(names)} columns.")
    return pd.DataFrame({name: _values(path, body, i, name, texts) for i, name in enumerate(names)})


def _values(path: Path, body: list[tuple[int, list[str]]], column: int, name: str, texts: bool) -> NDArray[Any]:
    """One column: int64, float64 or texts."""
    cells = [(line, cells[column].strip()) for line, cells in body]
    if texts and all(cell and _number(cell) is None for _, cell in cells):
        return np.array([cell for _, cell in cells], dtype=object)
    numbers = np.empty(len(cells))
    for i, (line, cell) in enumerate(cells):
        number = _number(cell)
        if number is None or not np.isfinite(number):
            found = f"{cell[:40]!r}" if cell else "an empty cell"
            where = f"{path}, line {line}, column {name!r}"
            raise DataError(f"{where}: found {found}; a finite number is needed.{_hint(cell)}")
        numbers[i] = number
    # written without a decimal point or exponent, and fits 53 bits
    whole = np.abs(numbers).max() < 2**53 and all(cell.lstrip("+-").isdecimal() for _, cell in cells)
    return numbers.astype(np.int64) if whole else numbers


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. A CSV of numbers is needed.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); a CSV of numbers is needed.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path}, line {line}: a NUL byte, which no text holds; the file is damaged, or no text.")
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    if 0 < head.count(";") >= head.count(",") - 1:  # the commas are decimal ones
        delimiter = ";"
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        return [(rows.line_num, row) for row in rows if len(row) > 1 or any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}; a CSV of numbers is needed.") from None


def _number(cell: str) -> float | None:
    if "_" in cell:  # 1_000 is a number to Python, but to nobody else
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def is_number(cell: str) -> bool:
    """Whether a cell's text is a number, as people write them."""
    return _number(cell) is not None


MOST_COLUMNS = 2**16
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def _is_header(cells: list[str]) -> bool:
    """Whether some cell is text and none a measurement: in 1.5,x the x is a mistake, and no name."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    numbers = [cell for cell in filled if all(_number(part) is not None for part in cell.split())]
    decimals = [cell for cell in filled if DECIMAL_COMMA.fullmatch(cell)]
    return len(filled) > len(numbers) and not decimals and all(cell.lstrip("+-").isdecimal() for cell in numbers)


def _hint(cell: str) -> str:
    """How to mend a cell that is no number, where that is plain."""
    if DECIMAL_COMMA.fullmatch(cell):
        return " Write decimals with a point."
    if cell.lower() in ("true", "false"):
        return " Write 1 and 0 for yes and no."
    apart = len(cell.split()) > 1 and all(_number(part) is not None for part in cell.split())
    return " Put commas between the numbers." if apart else ""


def refuse_names(values: pd.DataFrame) -> pd.DataFrame:
    """The frame itself. Raises DataError unless every column has one name of its own."""
    if values.columns.nlevels > 1:
        raise DataError(f"the columns have {values.columns.nlevels} levels of names; one name each is needed.")
    if not values.columns.is_unique:
        twice = values.columns[values.columns.duplicated()][0]
        raise DataError(f"the column name {twice!r} appears twice; every column needs a name of its own.")
    return values


def checked_table(values: Any) -> NDArray[Any] | pd.DataFrame:
    """Rows of finite numbers, an array or a DataFrame of at least two rows."""
    if isinstance(values, pd.DataFrame):
        refuse_names(values)
        for name in values.columns:
            known = isinstance(values[name].dtype, np.dtype) or hasattr(values[name].dtype, "numpy_dtype")
            if not known or values[name].dtype.kind not in "iufb":
                raise DataError(f"column {name!r} has the dtype {values[name].dtype}; numbers are needed.")
            checked_numbers(values[name].to_numpy(), f"column {name!r}")
        return values
    return checked_numbers(values)
