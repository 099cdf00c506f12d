"""Tables in files a part at a time, and what kind of values each column of a part holds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sparring.data.columns import column_of
from sparring.data.frames import are_durations, dates_of, durations_of, form_of, is_iso, readable, refuse_uneven_rows
from sparring.data.mixed import without
from sparring.data.table import refuse_names
from sparring.errors import DataError

__all__ = ["CELLS", "Conflict", "Kind", "frame_parts", "joined", "kind_of_part", "part_with_dates"]

CELLS = 2**21  # of one part, about
FEWEST = 1_000  # rows of one part
UNITS = ("s", "ms", "us", "ns")


class Conflict(Exception):
    """Columns whose kind changes within the file, so that it must be read again with them ``told``.

    told: "text": cells as they are written; "ns": dates in nanoseconds.
    """

    def __init__(self, told: dict[str | int, str]) -> None:
        super().__init__(told)
        self.told = told


@dataclass(frozen=True)
class Kind:
    """What a column's values are, in all parts so far. name: empty, number, boolean, text, category, date or duration.

    dtype: the one that the whole column would have if it were read at once.
    """

    name: str
    dtype: Any


def frame_parts(
    path: Path, leave_out: Collection[str | int] = (), told: dict[str | int, str] | None = None
) -> Iterator[tuple[pd.DataFrame, float]]:
    """The rows of a .csv, .tsv, .txt or .parquet file in order, in parts, and which share of the file has been read.

    told: as a ``Conflict`` tells it. Raises DataError as ``frames.read_frame`` does.
    """
    parts = _parquet_parts(path) if path.suffix.lower() == ".parquet" else _text_parts(path, told or {})
    for frame, share in parts:
        yield without(refuse_names(frame.reset_index(drop=True)), leave_out), share


def _text_parts(path: Path, told: dict[str | int, str]) -> Iterator[tuple[pd.DataFrame, float]]:
    texts = [name for name, how in told.items() if how == "text"]
    with readable(path):
        form, size = form_of(path), path.stat().st_size
        refuse_uneven_rows(path, form)
        file = open(path, "rb")
    with file:
        with readable(path):
            places = texts if form.headed else [int(str(name).removeprefix("x")) for name in texts]
            dtypes: Any = dict.fromkeys(places, str)
            reader: Any = pd.read_csv(
                file, **form.options(), chunksize=max(CELLS // form.columns, FEWEST), dtype=dtypes or None
            )
        while True:
            with readable(path):
                frame = next(reader, None)
            if frame is None:
                return
            if not form.headed:
                frame.columns = [f"x{i}" for i in range(frame.shape[1])]
            yield frame, file.tell() / size


def _parquet_parts(path: Path) -> Iterator[tuple[pd.DataFrame, float]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs pyarrow; install sparring[parquet].") from None
    done = 0
    try:
        with parquet.ParquetFile(path) as file:
            rows, columns = file.metadata.num_rows, max(file.metadata.num_columns, 1)
            for batch in file.iter_batches(max(CELLS // columns, FEWEST)):
                done += batch.num_rows
                if batch.num_rows:
                    yield batch.to_pandas(), done / rows
    except Exception as error:  # what a damaged file makes Arrow raise is anybody's guess
        raise DataError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}.") from None


# -- kinds


def part_with_dates(frame: pd.DataFrame, told: dict[str | int, str]) -> pd.DataFrame:
    """A text file's part, with its columns of ISO texts as dates, and its durations as such."""
    made = {}
    for name in frame.columns:
        values: Any = frame[name]
        if told.get(name) != "text" and values.dtype.kind == "O":
            known = values.dropna().astype(str)
            try:
                if is_iso(known) or are_durations(known):
                    values = dates_of(values) if is_iso(known) else durations_of(values)
                    values = values.dt.as_unit("ns") if told.get(name) == "ns" else values
            except ValueError as error:
                row = next(row for row, text in known.items() if pd.isna(pd.to_datetime(text, errors="coerce")))
                raise DataError(f"column {name!r}, row {row}: {known[row]!r} is no date ({error}).") from None
        made[name] = values
    return pd.DataFrame(made, columns=frame.columns)


def kind_of_part(name: str | int, values: pd.Series) -> Kind:
    """Raises DataError for values that no kind holds."""
    dtype: Any = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return Kind("category", dtype)
    if isinstance(dtype, pd.DatetimeTZDtype) or dtype.kind in "Mm":
        return Kind("duration" if dtype.kind == "m" else "date", dtype)
    known = values.dropna()
    if not len(known):
        return Kind("empty", dtype)
    if pd.api.types.is_bool_dtype(dtype):
        return Kind("boolean", dtype)
    if pd.api.types.is_numeric_dtype(dtype):
        return Kind("number", dtype)
    if pd.api.types.is_string_dtype(dtype) and isinstance(dtype, pd.StringDtype):
        return Kind("text", dtype)
    found = column_of(name, known)  # of objects
    if found.kind in ("continuous", "integer"):
        return Kind("number", dtype)
    plain = known.iloc[0]
    if isinstance(plain, bool | np.bool_):
        return Kind("boolean", dtype)
    return Kind("text" if isinstance(plain, str) else "number", dtype)


def joined(name: str | int, one: Kind, other: Kind) -> Kind:
    """The kind of a column with parts of two kinds. Raises Conflict where it must be read in another way."""
    if "empty" in (one.name, other.name) and one.name != other.name:
        filled, empty = (other, one) if one.name == "empty" else (one, other)
        return _with_gaps(filled, empty)
    if one.name != other.name:
        raise Conflict({name: "text"})
    if one.dtype == other.dtype:
        return one
    if one.name == "category":
        return Kind(one.name, pd.CategoricalDtype(_union(one.dtype, other.dtype), one.dtype.ordered))
    if one.name == "number" and _is_numpy(one) and _is_numpy(other):
        return Kind(one.name, np.result_type(one.dtype, other.dtype))
    if one.name in ("date", "duration"):
        return Kind(one.name, _finer(name, one.dtype, other.dtype))
    return Kind(one.name, np.dtype(object) if one.name in ("boolean", "number") else one.dtype)


def _with_gaps(filled: Kind, empty: Kind) -> Kind:
    if filled.name == "number" and _is_numpy(filled) and _is_numpy(empty) and empty.dtype.kind in "iuf":
        return Kind(filled.name, np.result_type(filled.dtype, empty.dtype))
    plain = filled.name == "boolean" and filled.dtype == np.dtype(bool)
    return Kind(filled.name, np.dtype(object)) if plain else filled


def _is_numpy(kind: Kind) -> bool:
    return isinstance(kind.dtype, np.dtype) and kind.dtype.kind != "O"


def _union(one: pd.CategoricalDtype, other: pd.CategoricalDtype) -> list[Any]:
    return list(dict.fromkeys([*one.categories, *other.categories]))


def _finer(name: str | int, one: Any, other: Any) -> Any:
    """Of two dtypes of dates the one whose units, and time zone, hold both."""
    units = [
        np.datetime_data(dtype.base if isinstance(dtype, np.dtype) else f"M8[{dtype.unit}]")[0]
        for dtype in (one, other)
    ]
    if "ns" in units and units[0] != units[1]:
        raise Conflict({name: "ns"})
    unit = UNITS[max(map(UNITS.index, units))]
    zone = next((dtype.tz for dtype in (one, other) if isinstance(dtype, pd.DatetimeTZDtype)), None)
    if zone is not None:
        return pd.DatetimeTZDtype(unit, zone)
    return np.dtype(f"{one.kind}8[{unit}]")
