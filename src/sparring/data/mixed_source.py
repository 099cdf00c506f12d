"""Tables of any columns, from wherever they are: frames, CSV, Parquet."""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.util import hash_pandas_object

from sparring.data.columns import LEFT_OUT, Column, column_of
from sparring.data.frames import FEWEST, TABLES, as_pandas, has_texts, is_plain, read_frame
from sparring.data.mixed import MixedSchema, without
from sparring.data.records import from_records
from sparring.data.relations import Relation
from sparring.data.sampled_schema import sampled_schema
from sparring.data.schema_file import corrected, read_schema_file
from sparring.data.source import BUILT_IN, Source, existing, holds_records, read_records
from sparring.data.stored import is_large, read_stored, spooled
from sparring.data.table import read_csv, refuse_names
from sparring.errors import DataError

__all__ = ["Found", "as_mixed", "columns_found", "framed", "mixed_with_classes", "read_mixed", "read_mixed_like"]


def read_mixed(
    data: Any, leave_out: Collection[str | int] = (), told: Any = None, in_parts: bool | None = None
) -> Source | None:
    """A table of mixed columns, or None for data that are none: arrays, images, and frames of plain numbers.

    data: a DataFrame (of polars or Arrow too), or the path of a .csv, .tsv, .txt or .parquet file. leave_out: columns
    to pass over. told: a schema file or a mapping like it (see ``schema_file``). in_parts: whether a file is read in
    parts, and its rows stay in a file (plain numbers too); None: if it is too large for the memory that is free.
    Raises DataError for columns of no known kind, for texts and identifiers, and for too few rows.
    """
    file = _table_file(data)
    if file is not None and (is_large(file) if in_parts is None else in_parts):
        return read_stored(file, leave_out, None if told is None else read_schema_file(told))
    frame, path = framed(data)
    if frame is None and told is not None:
        frame, path = framed(data, strict=False)
    if frame is None:
        if leave_out or told is not None:
            raise DataError("columns can be left out of a table that names them: a DataFrame, a CSV or Parquet.")
        return None
    frame = without(refuse_names(frame), leave_out)
    if told is not None:
        return _source(*corrected(frame, read_schema_file(told)), path)
    if is_plain(frame) and not leave_out:
        return None
    return as_mixed(frame, path)


def as_mixed(frame: pd.DataFrame, path: str | None, schema: MixedSchema | None = None) -> Source:
    """A table of any columns, numbers alone too, to learn from. schema: what is known of it already.

    Raises DataError as ``read_mixed`` does.
    """
    if len(frame) < FEWEST:
        raise DataError(f"{len(frame)} row(s) in {path or 'the data'} are too few; at least {FEWEST} are needed.")
    return _source(frame, MixedSchema.of(frame) if schema is None else schema, path)


def mixed_with_classes(
    frame: pd.DataFrame, classes: Any, name: str, leave_out: Collection[str | int], told: Any, path: str | None
) -> Source:
    """A table of mixed columns whose classes were given apart: they become one more column, of categories.

    classes: (n,), checked. told: as for ``read_mixed``; it may speak of the column of classes too.
    Raises DataError as ``read_mixed`` does, and if the table has such a column already.
    """
    frame = without(refuse_names(frame), leave_out)
    if name in map(str, frame.columns):
        raise DataError(f"the table has a column {name!r} beside its classes; give y as a Series with another name.")
    if len(frame) < FEWEST:
        raise DataError(f"{len(frame)} row(s) in {path or 'the data'} are too few; at least {FEWEST} are needed.")
    joined = frame.assign(**{name: pd.Categorical(classes)})
    if told is None:
        kept, schema = joined, MixedSchema.of(joined)
    else:
        kept, schema = corrected(joined, read_schema_file(told))
    found = {str(column.name): column for column in schema.columns}
    if name not in found or found[name].kind not in ("category", "ordered"):
        raise DataError(f"the schema must keep the column {name!r} of the classes as a category.")
    return _source(kept, replace(schema, classes=name), path)


@dataclass(frozen=True)
class Found:
    """What a table is, also where some of its columns cannot be made.

    frame: the table; of one too large for memory the rows that its bounds and a sample are in. rows: of the table.
    gaps: share of missing values, by column. relations: what holds in every row. schema: None where there are texts or
    identifiers, or nothing but constants.
    """

    frame: pd.DataFrame
    rows: int
    gaps: Mapping[str | int, float]
    columns: tuple[Column, ...]
    relations: tuple[Relation, ...]
    schema: MixedSchema | None


def columns_found(data: Any, leave_out: Collection[str | int] = ()) -> Found:
    """What the columns of a table are. Raises DataError for what is no table, and for columns of no known kind."""
    file = _table_file(data)
    if file is not None and is_large(file):
        return _found_in_parts(file, leave_out)
    frame, _ = framed(data, strict=False)
    if frame is None:
        raise DataError(f"{data} is no table with columns; a .csv, .tsv, .txt or .parquet file is needed.")
    frame = without(refuse_names(frame), leave_out)
    table: Any = frame
    told = tuple(column_of(name, table[name]) for name in frame.columns)
    kept = without(frame, [column.name for column in told if column.kind in LEFT_OUT])
    made = MixedSchema.of(kept) if any(column.kind not in (*LEFT_OUT, "constant") for column in told) else None
    relations = () if made is None else made.relations
    gaps = {column.name: float(table[column.name].isna().mean()) for column in told}
    return Found(frame, len(frame), gaps, told, relations, made if kept.shape == frame.shape else None)


def _found_in_parts(path: Path, leave_out: Collection[str | int]) -> Found:
    with spooled(path, leave_out) as spool:
        frame, columns, made = sampled_schema(spool, strict=False)
        gaps = {column.name: 1 - spool.known[column.name] / spool.rows for column in columns}
        whole = made if made is not None and len(made.columns) == len(columns) else None
        return Found(frame, spool.rows, gaps, columns, () if made is None else made.relations, whole)


def read_mixed_like(data: Any, schema: MixedSchema) -> Source:
    """Rows that must fit a schema already known; other columns are passed over."""
    frame, path = framed(data, strict=False)
    if frame is None:
        raise DataError(f"a table with the columns {', '.join(map(str, schema.names[:5]))}, ... is needed.")
    schema.check(frame)
    return _source(frame, schema, path)


def framed(data: Any, strict: bool = True) -> tuple[pd.DataFrame | None, str | None]:
    """(the table, its path); (None, None) for what is none. strict: whether a file of numbers is read as one."""
    file = _table_file(data)
    if file is not None:
        return _from_file(file, strict), str(data)
    found = None if isinstance(data, str | os.PathLike) else as_pandas(data)
    return (found, None) if isinstance(found, pd.DataFrame) else (None, None)


def _table_file(data: Any) -> Path | None:
    """The file of a table, if one is named. Raises DataError if there is none of this name."""
    if not isinstance(data, str | os.PathLike) or str(data) in BUILT_IN:
        return None
    path = existing(str(data))
    return path if path.is_file() and (path.suffix.lower() in TABLES or holds_records(path)) else None


def _from_file(path: Path, strict: bool) -> pd.DataFrame | None:
    """A table of any columns; None for one that is to be read as numbers, and refused as such where it is wrong."""
    if holds_records(path):
        return from_records(read_records(path))
    if path.suffix.lower() == ".parquet" or not strict or has_texts(path):
        return read_frame(path)
    try:
        plain = read_csv(path)
        return None if is_plain(plain) else plain
    except DataError as error:
        frame = read_frame(path)
        if is_plain(frame) or len(frame) < FEWEST:  # what is wrong with it is no column of another kind
            raise error from None
        return frame


def _source(frame: pd.DataFrame, schema: MixedSchema, path: str | None) -> Source:
    description = f"{len(frame):,} rows of {len(schema.columns)} columns"
    return Source(frame, schema, tuple(map(str, schema.names)), description, path, _fingerprint(frame))


def _fingerprint(frame: pd.DataFrame) -> str:
    """A hash of names, dtypes and content."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(" ".join(f"{name}:{dtype}" for name, dtype in frame.dtypes.items()).encode())
    hashed: Any = hash_pandas_object  # which stubs do not know
    digest.update(hashed(frame, index=False).to_numpy().data)
    return digest.hexdigest()
