"""Tables from files and other libraries, as DataFrames of any columns."""

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sparring.data.features import plain_numbers
from sparring.data.table import MOST_COLUMNS, is_number, read_csv
from sparring.errors import DataError

__all__ = [
    "FEWEST",
    "TABLES",
    "Form",
    "are_durations",
    "are_numbers",
    "as_pandas",
    "dates_of",
    "durations_of",
    "form_of",
    "has_texts",
    "is_iso",
    "is_plain",
    "mistaken",
    "no_number",
    "read_frame",
    "read_table",
    "readable",
    "refuse_uneven_rows",
]

TABLES = (".csv", ".tsv", ".txt", ".parquet")
FEWEST = 10  # rows, below which a text or a gap is a mistake rather than a kind of column

DELIMITERS = ",;\t|"
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
DURATION = re.compile(r"-?\d+ days?( [+-]?\d{2}:\d{2}:\d{2}(\.\d{1,9})?)?")
ZONE = r"(?:Z|[+-]\d{2}:?\d{2})$"
MOSTLY = 0.9  # share of a column's cells that are numbers, from which the others are mistakes
BLOCK = 2**22  # bytes read at once
TAIL = 2**16  # bytes at the end in which the last line is looked for
HEAD = 100  # rows that say whether a column is of texts
LUMP, OFTEN = 0.02, 20  # share of rows, and rows, of one value from which a column of numbers is not plain


def as_pandas(data: Any) -> Any:
    """A DataFrame of another library (polars, Arrow) as one of pandas; anything else as it is."""
    if isinstance(data, pd.DataFrame) or not hasattr(data, "to_pandas"):
        return data
    try:
        return data.to_pandas()
    except ImportError as error:  # both go through pyarrow
        raise DataError(f"the table cannot become a pandas DataFrame: {error}. Install pyarrow.") from None


def is_plain(frame: pd.DataFrame) -> bool:
    """Whether all columns are numbers, none is missing, and no value lumps together: a cloud of points."""
    for name in frame.columns:
        values: Any = frame[name]
        known = isinstance(values.dtype, np.dtype) or hasattr(values.dtype, "numpy_dtype")
        if not known or values.dtype.kind not in "iuf" or values.isna().any():
            return False
        if values.value_counts().iloc[0] >= max(LUMP * len(values), OFTEN):
            return False
    return True


def read_table(path: Path, names: Collection[str] = ()) -> pd.DataFrame:
    """A table to learn from, as ``read_frame`` gives it; numbers alone, and few rows, as strictly as ``read_csv``."""
    frame = read_frame(path, names)
    strict = path.suffix.lower() != ".parquet" and (len(frame) < FEWEST or plain_numbers(frame))
    return read_csv(path, texts=True) if strict else frame


def read_frame(path: Path, names: Collection[str] = ()) -> pd.DataFrame:
    """A table of any columns from a .csv, .tsv, .txt or .parquet file.

    Of text files the delimiter (comma, semicolon, tab, bar) is found out, and whether there is a header: the first
    line is one if none of its cells is a number, or if one is a name of ``names``. Columns of ISO dates become dates,
    columns of durations (2 days 03:30:00) become such. Empty cells, NA, NaN and null are missing values. Raises
    DataError for a file that cannot be read, and for a column of numbers with a few texts in it, with the line and
    column of the first.
    """
    if path.suffix.lower() == ".parquet":
        return _from_parquet(path)
    with readable(path):
        _refuse_nul(path)
        form = form_of(path, names)
        refuse_uneven_rows(path, form)
        frame = pd.read_csv(path, **form.options())
    if not form.headed:
        frame.columns = [f"x{i}" for i in range(frame.shape[1])]
    for name in frame.columns:
        frame[name] = _understood(path, frame[name], form.first_line)
    return frame


@dataclass(frozen=True)
class Form:
    """How a text file writes a table. columns: how many, by its first line."""

    delimiter: str
    headed: bool
    columns: int

    @property
    def first_line(self) -> int:
        """Of the rows, counted from 1."""
        return 2 if self.headed else 1

    def options(self) -> dict[str, Any]:
        """What pandas has to know."""
        header = 0 if self.headed else None
        return {
            "sep": self.delimiter,
            "header": header,
            "skipinitialspace": True,
            "encoding": "utf-8-sig",
            "low_memory": False,
        }


def form_of(path: Path, names: Collection[str] = ()) -> Form:
    """The form of a file, by its first two lines. names: of columns, any of which tells that the first is a header."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        first, second = file.readline(), file.readline()
    delimiter = max(DELIMITERS, key=first.count)
    cells = [cell.strip().strip('"') for cell in first.rstrip("\r\n").split(delimiter)]
    if len(cells) > MOST_COLUMNS:
        raise DataError(f"{path}, line 1: {len(cells):,} cells; a table of at most {MOST_COLUMNS:,} columns is needed.")
    headed = bool(second.strip()) and all(cell and not is_number(cell) for cell in cells)
    named = bool(set(cells) & set(names))
    if named and len(set(cells)) < len(cells):
        twice = next(cell for cell in cells if cells.count(cell) > 1)
        raise DataError(f"{path}, line 1: the column name {twice!r} appears twice.")
    return Form(delimiter, named or (headed and len(set(cells)) == len(cells)), len(cells))


def refuse_uneven_rows(path: Path, form: Form) -> None:
    """Raise DataError if line 2 has more cells than line 1, or the last line fewer.

    pandas would take the first of more cells as an index, and fill up a row that is cut with missing values.
    """
    if not form.headed:
        return
    options: dict[str, Any] = {**form.options(), "header": None}
    second = pd.read_csv(path, **options, skiprows=1, nrows=1, dtype=str)
    if second.shape[1] > form.columns:
        raise DataError(
            f"{path}: line 1 has {form.columns} cell{'s' * (form.columns > 1)}, and line 2 has {second.shape[1]}. "
            "A name for each column is needed in line 1; remove remarks above it, and delimiters at the ends of lines."
        )
    last = _last_line(path)
    cells = last.count(form.delimiter) + 1
    if last and '"' not in last and 1 < cells < form.columns:
        raise DataError(
            f"{path}, last line: {cells} cells, but there are {form.columns} columns; the file is cut, or the row is."
        )


def _refuse_nul(path: Path) -> None:
    """Raise DataError for a NUL byte, where pandas would end a cell."""
    with path.open("rb") as file:
        before = 0
        while block := file.read(BLOCK):
            if (at := block.find(b"\0")) >= 0:
                raise DataError(
                    f"{path}: byte {before + at:,} is NUL, which no text holds; it is damaged, or not in UTF-8."
                )
            before += len(block)


def _last_line(path: Path) -> str:
    """The last line that is not blank; "" if it is not found in the last part of the file."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL, 0))
        lines = file.read().decode("utf-8", "replace").splitlines()
    filled = [line for line in lines if line.strip()]
    return filled[-1] if len(filled) > 1 else ""


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a text file into a DataError."""
    try:
        yield
    except DataError:  # says it already
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. A table is needed.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}); a table in UTF-8 is needed.") from None
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read as a table: {' '.join(str(error).split())}.") from None


def _from_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs pyarrow; install sparring[parquet].") from None
    except Exception as error:  # what a damaged file makes Arrow raise is anybody's guess
        raise DataError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}.") from None


def _understood(path: Path, values: Any, first_line: int) -> Any:
    """A column of texts as dates where all of them are, after a look for numbers with mistakes among them."""
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return values
    known: Any = values.dropna()
    texts = known.astype(str)
    try:
        if is_iso(texts):
            return dates_of(values)
        if are_durations(texts):
            return durations_of(values)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}, column {values.name!r}: {' '.join(str(error).split())}.") from None
    odd = ~are_numbers(texts)
    if mistaken(int(odd.sum()), len(known)):
        row = odd.index[int(odd.to_numpy().argmax())]
        raise no_number(path, row + first_line, values.name, texts[row])
    return values


def is_iso(texts: Any) -> bool:
    """Whether a column of texts, none missing, holds dates."""
    return bool(len(texts) and texts.str.fullmatch(ISO).all())


def are_durations(texts: Any) -> bool:
    """Whether a column of texts, none missing, holds durations as pandas writes them: 2 days 03:30:00."""
    return bool(len(texts) and texts.str.fullmatch(DURATION).all())


def durations_of(values: Any) -> Any:
    """Texts that ``are_durations`` as durations, in microseconds, or in nanoseconds where they are written."""
    made: Any = pd.to_timedelta(values)
    fine = bool((made.dropna().dt.nanoseconds % 1000 != 0).any())
    return made.dt.as_unit("ns" if fine else "us")


def dates_of(values: Any, zoned: bool = False) -> Any:
    """ISO texts as dates; in UTC if one of them (or ``zoned``: of others) has a time zone."""
    zoned = zoned or bool(values.dropna().astype(str).str.contains(ZONE, regex=True).any())
    return pd.to_datetime(values, format="ISO8601", utc=zoned)


def are_numbers(texts: Any) -> Any:
    """Which texts are numbers."""
    codes, different = pd.factorize(texts)
    numbers: Any = pd.to_numeric(pd.Series(different), errors="coerce")
    return pd.Series(numbers.notna().to_numpy()[codes], texts.index)


def has_texts(path: Path) -> bool:
    """Whether the first rows of a text file tell of a column of texts: not one of its cells is a number."""
    try:
        head: Any = pd.read_csv(path, **form_of(path).options(), nrows=HEAD, dtype=str)
    except (OSError, ValueError):  # which reading it all will say better
        return False
    known = [head[name].dropna() for name in head.columns]
    return len(head) == HEAD and any(len(cells) and not are_numbers(cells).any() for cells in known)


def mistaken(odd: int, known: int) -> bool:
    """Whether so few cells of a column are no numbers that they are mistakes."""
    return 0 < odd <= (1 - MOSTLY) * known


def no_number(path: Path, line: int, name: Any, text: str) -> DataError:
    where = f"{path}, line {line}, column {name!r}"
    return DataError(f"{where}: found {text[:40]!r}; a number is needed. Leave such cells empty if missing.")
