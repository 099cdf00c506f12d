"""Data from wherever they are: arrays, frames, files, folders, built-in sets."""

import csv
import difflib
import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data import toy
from sparring.data.cache import read_cached
from sparring.data.frames import form_of, read_frame, readable
from sparring.data.image import ImageSchema, read_images
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema, checked_numbers
from sparring.data.signals import SignalSchema
from sparring.data.table import TableSchema, checked_table, read_csv
from sparring.data.unpacking import member_array, whole_array
from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe

__all__ = [
    "BUILT_IN",
    "HELD_OUT",
    "Source",
    "existing",
    "from_npy",
    "holds_records",
    "read",
    "read_like",
    "read_points",
    "read_records",
]

RECORDS, HEADER = b"'descr': [", 64  # how the header of an array of records begins, and in which bytes

BUILT_IN: Mapping[str, Callable[[], tuple[Any, Any]]] = MappingProxyType(
    {
        "demo:digits": lambda: (toy.digits_split()[0], toy.digits_split()[2]),
        "demo:digits-held-out": lambda: (toy.digits_split()[1], toy.digits_split()[3]),
        "demo:ring": lambda: (toy.ring().sample(100_000, 0), None),
        "demo:ring-held-out": lambda: (toy.ring().sample(2_500, 1), None),
        "demo:grid": lambda: (toy.grid().sample(100_000, 0), None),
        "demo:grid-held-out": lambda: (toy.grid().sample(2_500, 1), None),
    }
)
"""Data that need no file: name -> (values, labels or None)."""

HELD_OUT: Mapping[str, str] = MappingProxyType({name: f"{name}-held-out" for name in BUILT_IN if "held" not in name})
"""Which built-in data to judge by."""

MAPPED = 2**30  # bytes of an array, from which it is read row by row where it lies
ARRAYS = ("X", "x", "images", "data", "arr_0")


@dataclass(frozen=True)
class Source:
    """Data that were read and checked.

    values: an array (n, ...) or a DataFrame. names: of columns, or of image files. path: where they
    came from, or None. fingerprint: of the content. labels: classes of the rows, of built-in data.
    """

    values: Any
    schema: Schema
    names: tuple[str, ...] | None
    description: str
    path: str | None
    fingerprint: str
    labels: NDArray[Any] | None = None

    def encoded(self) -> NDArray[np.float32]:
        return self.schema.encode(self.values)


def read(data: Any, size: int | tuple[int, int] | None = None, kind: str = "auto") -> Source:
    """Read and check data, and find out what they are.

    data: an array or DataFrame, a list of lists, a folder of images, a .npy, .npz, .csv, .tsv or .txt
    file, or the name of built-in data (demo:digits). size: for folders of images. kind: "auto" (rows are a table,
    more dimensions are images), or "table", "image" or "signal" (rows whose columns follow each other in time).
    Raises DataError or ShapeError (both InputError) with what was found, where, and what is needed.
    """
    values, names, path, labels = _gathered(data, size)
    values = _checked(values, path)
    schema = _schema_of(values, kind)
    return Source(values, schema, names, _description(values, schema), path, _fingerprint(values), labels)


def _schema_of(values: Any, kind: str) -> Schema:
    kinds = {"table": TableSchema, "image": ImageSchema, "signal": SignalSchema}
    if kind == "auto":
        kind = "table" if np.ndim(values) == 2 else "image"
    if kind not in kinds:
        raise InputError(f"kind must be auto, table, image or signal; got {kind!r}")
    if (kind == "table") != (np.ndim(values) == 2) and kind != "signal":
        raise ShapeError(f"data of the shape {describe(np.shape(values))} are no {kind}.")
    return kinds[kind].of(values)


def read_like(data: Any, schema: Schema) -> Source:
    """Read data that must fit a schema already known; their size follows from it."""
    if isinstance(schema, MixedSchema):
        from sparring.data.mixed_source import read_mixed_like  # which is built on this file

        return read_mixed_like(data, schema)
    size = schema.shape[1:] if schema.kind == "image" else None
    values, names, path, labels = _gathered(data, size)
    values = _checked(values, path, fewest=1)
    schema.check(values)
    return Source(values, schema, names, _description(values, schema), path, _fingerprint(values), labels)


def read_points(data: Any, size: int | tuple[int, int] | None = None, columns: Sequence[str] = ()) -> Any:
    """Points to measure, checked but not to be learned from: an array (n, ...), or a DataFrame of numbers from a CSV.

    data: as for ``read``; an array (n,) is one column. columns: the ones to read of a CSV, which may hold others that
    are no numbers. Raises DataError or ShapeError.
    """
    if columns:
        return _some_columns(existing(str(data)), list(columns))
    values, _, path, _ = _gathered(data, size)
    return _checked(values[:, None] if np.ndim(values) == 1 else values, path, fewest=1)


def _some_columns(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        with readable(path):
            form_of(path)  # refuses far too many columns
        frame = pd.read_csv(path, sep=None, engine="python")
    except DataError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {' '.join(str(error).split())}.") from None
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns[:20]))}.")
    chosen = pd.DataFrame({name: pd.to_numeric(frame[name], errors="coerce") for name in columns})
    bad = np.argwhere(~np.isfinite(chosen.to_numpy(float)))
    if len(bad):
        row, column = bad[0]
        found = frame[columns].iloc[row, column]
        raise DataError(
            f"{path}, row {row + 1} of data, column {columns[column]!r}: found {found!r}; a finite number is needed."
        )
    return chosen


# -- finding


def _gathered(data: Any, size: Any) -> tuple[Any, tuple[str, ...] | None, str | None, Any]:
    """(values, names, path, labels), not yet checked."""
    if isinstance(data, str) and data in BUILT_IN:
        values, labels = BUILT_IN[data]()
        return values, None, data, labels
    if isinstance(data, str | os.PathLike):
        values, names = _from_path(existing(str(data)), size)
        return values, names, str(data), None
    if isinstance(data, pd.DataFrame):
        return data, tuple(map(str, data.columns)), None, None
    if hasattr(data, "toarray"):
        raise DataError("the data are a sparse matrix; give data.toarray().")
    try:
        kept = np.ma.isMaskedArray(data) or isinstance(data, np.memmap)
        return (data if kept else np.asarray(data)), None, None, None
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors on a GPU or in a graph
        raise DataError(f"the data are not an array: {' '.join(str(error).split())}") from None


def existing(name: str, built_in: Iterable[str] = BUILT_IN) -> Path:
    """The path that is meant. Raises DataError with what is near if there is none.

    built_in: names of data that need no file, where the caller knows some.
    """
    path, known = Path(name), list(built_in)
    if name.startswith("demo:") and not path.exists():
        near = difflib.get_close_matches(name, known, 1)
        shown = [other for other in known if not other.endswith("held-out")]
        meant = f"did you mean {near[0]}?" if near else f"choose {', '.join(shown)}."
        raise DataError(f"there are no built-in data {name}; {meant}")
    try:
        found = bool(name) and path.exists()  # the empty name would be the present folder
    except OSError as error:
        raise DataError(f"{name[:60]!r} cannot be read: {error.strerror}. A path is needed.") from None
    if not found:
        raise DataError(f"there is no file or folder {name or repr(name)}{_suggestion(path, known)}.")
    return path


def _from_path(path: Path, size: Any) -> tuple[Any, tuple[str, ...] | None]:
    if path.is_dir():
        return read_cached(path, size, MAPPED) or read_images(path, size)
    match path.suffix.lower():
        case ".npy":
            return from_npy(path), None
        case ".npz":
            return _from_npz(path), None
        case ".csv" | ".tsv" | ".txt":
            frame = read_csv(path)
            return frame, tuple(frame.columns)
        case ".parquet":
            frame = read_frame(path)
            return frame, tuple(map(str, frame.columns))
    raise DataError(f"{path} has no known kind; a folder of images, .npy, .npz, .csv, .tsv or .parquet is needed.")


def _suggestion(path: Path, known: list[str]) -> str:
    names = [*known, *(other.name for other in path.parent.glob("*"))]
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {near[0] if near[0] in known else path.with_name(near[0])}?" if near else ""


def from_npy(path: Path) -> NDArray[Any]:
    """An array from a .npy file; never an object that would have to be unpickled. A large one stays on the disk."""
    try:
        if path.stat().st_size > MAPPED:  # changes to it, if there were any, would not reach the file
            return np.load(path, mmap_mode="c", allow_pickle=False)
        with path.open("rb") as file:
            return whole_array(file, path.stat().st_size)
    except Exception as error:  # what a damaged header makes NumPy raise is anybody's guess
        raise DataError(f"{path} cannot be read: {_reason(error)}. An array of numbers is needed.") from None


def holds_records(path: Path) -> bool:
    """Whether a .npy or .npz holds records, of a table's rows, in place of an array of numbers; by its first bytes."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return RECORDS in file.read(HEADER)
        if path.suffix.lower() == ".npz":
            with path.open("rb") as file, zipfile.ZipFile(file) as archive, archive.open(_chosen(archive)[0]) as array:
                return RECORDS in array.read(HEADER)
    except Exception:
        read_records(path)  # which says what is wrong
    return False


def read_records(path: Path) -> NDArray[Any]:
    """The records of a .npy or .npz that ``holds_records``."""
    return from_npy(path) if path.suffix.lower() == ".npy" else _from_npz(path)


def _from_npz(path: Path) -> NDArray[Any]:
    chosen: list[str] = []
    try:
        # a file opened here is closed here, also when it is damaged
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names, chosen = _arrays(archive), _chosen(archive)
            if chosen:
                return member_array(path, archive, chosen[0])
    except DataError:
        raise
    except Exception as error:  # see above
        which = f", array {chosen[0].removesuffix('.npy')}," if chosen else ""
        raise DataError(f"{path}{which} cannot be read: {_reason(error)}. Arrays of numbers are needed.") from None
    raise DataError(f"{path} holds the arrays {', '.join(names) or 'none'}; call the one to use X.")


def _arrays(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _chosen(archive: zipfile.ZipFile) -> list[str]:
    """The files of the arrays that may be meant, first the one that is taken."""
    names = _arrays(archive)
    return [f"{name}.npy" for name in (names if len(names) == 1 else [name for name in ARRAYS if name in names])]


def _reason(error: Exception) -> str:
    if "Object arrays" in str(error):
        return "it holds Python objects"
    told = " ".join(str(error).split()) or "it is cut"
    return told if len(told) <= 200 and told.isprintable() else f"it is damaged ({type(error).__name__})"


# -- checking


def _checked(values: Any, path: str | None, fewest: int = 2) -> Any:
    name = path or "the data"
    if isinstance(values, pd.DataFrame):
        values = checked_table(values)
    else:
        values = checked_numbers(values, name)
        if values.ndim not in (2, 3, 4):
            raise ShapeError(
                f"{name} must have the shape (n, p) for rows, (n, h, w) or (n, h, w, c) for images; "
                f"got {describe(values.shape)}."
            )
    if len(values) < fewest:
        raise DataError(f"{len(values)} sample(s) in {name} are too few; at least {fewest} are needed.")
    if 0 in np.shape(values):
        raise ShapeError(f"{name} must have no dimension of size 0; got the shape {describe(np.shape(values))}.")
    return values


def _fingerprint(values: Any) -> str:
    """A hash of shape, type and content."""
    digest = hashlib.blake2b(digest_size=16)
    columns = [values[name].to_numpy() for name in values.columns] if isinstance(values, pd.DataFrame) else [values]
    for column in columns:
        digest.update(f"{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def _description(values: Any, schema: Schema) -> str:
    if isinstance(schema, ImageSchema):
        colours = {1: "grey", 3: "RGB", 4: "RGBA"}.get(schema.channels, f"{schema.channels} channels")
        span = f"{schema.dtype} in [{schema.low:g}, {schema.high:g}]"
        return f"{len(values):,} images of {schema.height}×{schema.width}, {colours}, {span}"
    if isinstance(schema, SignalSchema):
        channels = f" in {schema.channels} channels" if schema.channels_last else ""
        return f"{len(values):,} signals of {schema.length} steps{channels}"
    return f"{len(values):,} rows of {schema.shape[0]} numbers"
