"""Two collections to be translated into each other, read so that they go together."""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from sparring.data.mixed import MixedSchema, without
from sparring.data.mixed_source import as_mixed, framed
from sparring.data.schema import nearest
from sparring.data.source import Source, read
from sparring.data.table import refuse_names
from sparring.errors import DataError, InputError

__all__ = ["read_sides"]

Table = tuple[pd.DataFrame | None, str | None]


def read_sides(
    a: Any, b: Any, size: Any = None, kind: str = "auto", leave_out: Collection[str | int] = (), alike: bool = False
) -> tuple[Source, Source]:
    """Read A and B as what suits both: tables of any columns if one has labels, dates or gaps, else as ``read`` does.

    leave_out: columns of either table to pass over. alike: whether tables of any columns must have the same ones, which
    then get one schema, of the rows of both.
    Raises InputError (and its kinds), with the side.
    """
    data: dict[str, Any] = {"A": a, "B": b}
    tables = {side: _table(side, given, bool(leave_out)) for side, given in data.items()} if kind in TABLED else {}
    frames = [frame for frame, _ in tables.values() if frame is not None]
    _refuse_unknown(frames, leave_out)
    tables = {side: (_rest(frame, leave_out), path) for side, (frame, path) in tables.items()}
    if all(frame is None or _numbers(frame) for frame, _ in tables.values()):
        return _as_ever("A", a, tables, size, kind, leave_out), _as_ever("B", b, tables, size, kind, leave_out)
    tables = {side: _table(side, data[side], True) if frame is None else (frame, path)
              for side, (frame, path) in tables.items()}  # fmt: skip
    lacking = [side for side, (frame, _) in tables.items() if frame is None]
    if lacking:
        raise DataError(f"{lacking[0]} is no table with names of columns, which the other side is; give two of a kind.")
    schema = _shared(tables["A"][0], tables["B"][0]) if alike else None
    return _mixed("A", tables["A"], schema), _mixed("B", tables["B"], schema)


TABLED = ("auto", "table")


@contextlib.contextmanager
def _of(side: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise type(error)(f"{side}: {error}") from None


def _table(side: str, data: Any, plain_too: bool) -> Table:
    """(the table, its path). plain_too: whether a file of numbers alone is one too, else it is read as it ever was."""
    with _of(side):
        frame, path = framed(data, strict=not plain_too)
        return (None if frame is None else refuse_names(frame)), path


def _as_ever(
    side: str, data: Any, tables: dict[str, Table], size: Any, kind: str, leave_out: Collection[str | int]
) -> Source:
    frame = tables[side][0] if side in tables else None
    with _of(side):
        return read(frame if leave_out and frame is not None else data, size, kind)


def _mixed(side: str, table: Table, schema: MixedSchema | None) -> Source:
    frame, path = table
    assert frame is not None
    with _of(side):
        return as_mixed(frame, path, schema)


def _numbers(frame: pd.DataFrame) -> bool:
    """Whether all columns are numbers, and none has gaps."""
    dtypes: Any = frame.dtypes
    return all(pd.api.types.is_numeric_dtype(d) and d.kind in "iuf" for d in dtypes) and not frame.isna().any(axis=None)


def _rest(frame: pd.DataFrame | None, leave_out: Collection[str | int]) -> pd.DataFrame | None:
    if frame is None:
        return None
    return without(frame, [name for name in leave_out if str(name) in set(map(str, frame.columns))])


def _refuse_unknown(frames: list[pd.DataFrame], leave_out: Collection[str | int]) -> None:
    there = {str(name) for frame in frames for name in frame.columns}
    for name in leave_out:
        if str(name) not in there:
            raise DataError(f"there is no column {name!r} to leave out, in A or B{nearest(str(name), there)}.")


def _shared(a: pd.DataFrame | None, b: pd.DataFrame | None) -> MixedSchema:
    """The schema of the rows of both. Raises DataError for a column that only one of them has, or has otherwise."""
    assert a is not None
    assert b is not None
    why = "identity weights are for two tables with the same columns"
    for one, other, names in ((a, b, "A has {0!r}, and B has not"), (b, a, "B has {0!r}, and A has not")):
        missing = [name for name in one.columns if name not in set(other.columns)]
        if missing:
            raise DataError(f"{why}: {names.format(missing[0])}. Leave them out, or give identity=0.")
    for name in a.columns:
        if a[name].dtype != b[name].dtype:
            kinds = f"{a[name].dtype} in A and {b[name].dtype} in B"
            raise DataError(f"{why}: column {name!r} is {kinds}. Give identity=0, or make them one.")
    both: Any = pd.concat([a, b[list(a.columns)]], ignore_index=True)
    return MixedSchema.of(both)
