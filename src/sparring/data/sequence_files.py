"""Sequences from wherever they are: lists, frames, files of lines, folders of classes, arrays, .ts files, a series."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.labelled import array_of, fingerprint
from sparring.data.lines import read_labelled_lines, read_lines
from sparring.data.rolls import Roll
from sparring.data.schema import checked_numbers, nearest
from sparring.data.sequences import rows_of
from sparring.data.series import Series, read_series
from sparring.data.source import existing
from sparring.data.table import read_csv
from sparring.data.ts_files import read_ts
from sparring.data.windows import windows
from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe

__all__ = ["Sequences", "SeriesWindows", "content_of", "read_one_each", "read_rows", "read_windows", "series_of"]

DROPPED = (".gz", ".txt", ".tsv", ".csv", ".ts")


@dataclass(frozen=True)
class Sequences:
    """Sequences as they were found, and what is to be said of each; None where nothing is said.

    path, target: where they came from, and the column of the targets; None for data in memory.
    """

    inputs: list[Any]
    targets: Any
    path: str | None = None
    target: str | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def part(self, places: NDArray[np.int64]) -> Self:
        targets = self.targets
        if targets is not None:
            arrayed = isinstance(targets, np.ndarray)
            targets = targets[places] if arrayed else [targets[i] for i in places.tolist()]
        return replace(self, inputs=[self.inputs[i] for i in places.tolist()], targets=targets)

    def parts(self) -> list[Any]:
        """What a fingerprint is taken of."""
        return [*self.inputs, *(self.targets if isinstance(self.targets, list) else [self.targets])]


@dataclass(frozen=True, kw_only=True)
class SeriesWindows(Sequences):
    """Windows of one long series: inputs (back, columns) each, and what came next as their targets, (n, ahead, k).

    series: all of it. starts: the first step of each window. columns: those of the targets.
    """

    series: Series
    starts: NDArray[np.int64]
    columns: tuple[int, ...]

    def part(self, places: NDArray[np.int64]) -> Self:
        return replace(super().part(places), starts=self.starts[places])

    def parts(self) -> list[Any]:
        return [self.series.values, self.starts, np.array([*self.targets.shape[1:], *self.columns])]  # noqa: PD011


def content_of(found: Sequences) -> str:
    """A fingerprint of sequences and their targets."""
    return fingerprint(*(_hashable(part) for part in found.parts()))


def _hashable(part: Any) -> Any:
    if isinstance(part, Roll):
        return part.frames
    return np.array([part]) if isinstance(part, str) else np.asarray(part)


def read_one_each(data: Any, target: Any = None, encoding: str = "utf-8") -> Sequences:
    """Sequences with one target each: (lists or an array, targets); or from a path:

    - a text file of lines, each a text, a tab and its label;
    - a .csv or .tsv: target names the column of labels, and the texts are in the only other column, or in "text";
    - a folder with a file for each class, named after it, of one text a line;
    - a .ts file of the UEA/UCR archive; an .npz with X (n, t, columns) and y.

    Compressed with gzip or not. Raises DataError with what was found, where, and what is needed.
    """
    if isinstance(data, Sequences):
        return data
    if not isinstance(data, str | os.PathLike):
        inputs = rows_of(data)
        if target is not None and len(target) != len(inputs):
            raise ShapeError(f"X has {len(inputs)} sequences and y {len(target)} targets; they must be as many.")
        return Sequences(inputs, target)
    inputs, targets = _from_path(existing(os.fspath(data)), target, encoding)
    return Sequences(inputs, np.asarray(targets), str(data), target if isinstance(target, str) else None)


def _from_path(path: Path, target: Any, encoding: str) -> tuple[list[Any], Any]:
    if path.is_dir():
        return _from_classes(path, encoding)
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".ts":
        rows, labels = read_ts(path)
        if not labels:
            raise DataError(f"{path} gives no labels (@classLabel is false); they are needed.")
        return list(rows), labels
    if suffix == ".npz":
        return list(array_of(path, "X")), array_of(path, target if isinstance(target, str) else "y")
    if suffix == ".csv" or (suffix == ".tsv" and target is not None):
        return _columns(read_csv(path, texts=True), target, str(path))
    return read_labelled_lines(path, encoding)


def _columns(frame: pd.DataFrame, target: Any, name: str) -> tuple[list[Any], Any]:
    names = [str(column) for column in frame.columns]
    shown = ", ".join(names)
    if not isinstance(target, str):
        raise InputError(f"{name}: which column is to be predicted? Name the target; the columns are {shown}.")
    if target not in names:
        raise DataError(f"{name} has no column {target!r}{nearest(target, names)}.")
    place = names.index(target)
    return _texts_of(frame.drop(columns=frame.columns[place]), name), frame.iloc[:, place].to_numpy()


def _texts_of(frame: pd.DataFrame, name: str) -> list[str]:
    """The column "text", or the only one."""
    names = [str(column) for column in frame.columns]
    text = names[0] if len(names) == 1 else "text"
    if text not in names:
        raise DataError(f"{name} has the columns {', '.join(names)}; the texts must be in one called text.")
    column = frame.iloc[:, names.index(text)]
    empty = column.isna() | (column.astype(str).str.strip() == "")
    if empty.any():
        row = int(np.flatnonzero(empty)[0]) + 2
        raise DataError(f"{name}, row {row} holds no text in {text!r}; fill it or leave it out.")
    return column.astype(str).tolist()


def _from_classes(folder: Path, encoding: str) -> tuple[list[str], list[str]]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not _is_note(path))
    if len(files) < 2:
        raise DataError(f"{folder} holds {len(files)} file(s); one for each class is needed, of one text a line.")
    texts, labels = [], []
    for path in files:
        lines = [line.strip() for line in read_lines(path, encoding) if line.strip()]
        texts += lines
        labels += [_class_of(path)] * len(lines)
    return texts, labels


def _is_note(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix.lower() == ".md" or path.stem.upper().startswith("README")


def _class_of(path: Path) -> str:
    """A file's name without what says how it is written: rt-polarity.neg of rt-polarity.neg.gz."""
    name = path.name
    while any(name.lower().endswith(suffix) for suffix in DROPPED):
        name = name.rpartition(".")[0]
    return name


def read_rows(data: Any, encoding: str = "utf-8") -> list[Any]:
    """Sequences without targets, to answer for: lists as they are, or from a path.

    A .ts file, an .npz with X, a .csv with a column "text" (or one column), or a text file: each of its lines, of which
    none may be empty. Raises DataError with what was found, where, and what is needed.
    """
    if not isinstance(data, str | os.PathLike):
        return rows_of(data)
    path = existing(os.fspath(data))
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".ts":
        return list(read_ts(path)[0])
    if suffix == ".npz":
        return list(array_of(path, "X"))
    if suffix == ".csv":
        return _texts_of(read_csv(path, texts=True), str(path))
    rows = [line.strip() for line in read_lines(path, encoding)]
    if "" in rows or not rows:
        where = f", line {rows.index('') + 1} is empty" if rows else " holds no text"
        raise DataError(f"{path}{where}; a text is needed on each line.")
    return rows


# -- one long series


def read_windows(data: Any, columns: Any, back: int, ahead: int) -> SeriesWindows:
    """Every window of one long series (``series_of``).

    columns: of the targets: a name, several in a list or parted by commas, or None for all. Raises InputError for a
    series that is too short for a window, DataError for a column that it does not have.
    """
    series = series_of(data)
    chosen = _chosen(columns, series.names)
    inputs, targets = windows(series.values, back, ahead, chosen)
    path = str(data) if isinstance(data, str | os.PathLike) else None
    named = None if columns is None else ",".join(series.names[i] for i in chosen)
    return SeriesWindows(
        list(inputs), targets, path, named, series=series, starts=np.arange(len(inputs)), columns=tuple(chosen)
    )


def series_of(data: Any, columns: Sequence[str] | None = None) -> Series:
    """One long series: a ``Series``, a frame, an array (t,) or (t, columns), or the path of a file (``read_series``).

    columns: the names of those that are needed, in that order; None: all. The columns of an array are called x0, x1,
    ..., or as they are needed if it has as many.

    Raises DataError for what is not finite numbers, and for a column that is not there; ShapeError for another shape.
    """
    if isinstance(data, str | os.PathLike):
        return read_series(data, columns)
    found = data if isinstance(data, Series) else _in_memory(data, columns)
    if columns is None or tuple(columns) == found.names:
        return found
    return Series(found.values[:, _chosen(list(columns), found.names)], tuple(columns))  # noqa: PD011


def _in_memory(data: Any, columns: Sequence[str] | None) -> Series:
    values = checked_numbers(data.to_numpy() if isinstance(data, pd.DataFrame) else data, "the series")
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise ShapeError(f"a series must have the shape (t,) or (t, columns); got {describe(np.shape(data))}.")
    if isinstance(data, pd.DataFrame):
        names = [str(name) for name in data.columns]
    elif columns is None:
        names = [f"x{i}" for i in range(values.shape[1])]
    elif len(columns) == values.shape[1]:
        names = columns
    else:
        raise ShapeError(f"the series must have {len(columns)} column(s), {', '.join(columns)}; got {values.shape[1]}.")
    return Series(np.asarray(values, np.float64), tuple(names))


def _chosen(columns: Any, names: Sequence[str]) -> list[int]:
    """The places of columns that are asked for by name."""
    if columns is None:
        return list(range(len(names)))
    if isinstance(columns, str):
        columns = [columns] if columns in names else columns.split(",")
    if not isinstance(columns, list | tuple) or not columns or not all(isinstance(name, str) for name in columns):
        raise InputError(f"the columns to forecast must be named ({', '.join(names[:8])}); got {columns!r}.")
    missing = [name for name in columns if name not in names]
    if missing:
        raise DataError(f"the series has no column {missing[0]!r}{nearest(missing[0], names)}.")
    return [names.index(name) for name in columns]
