"""Data with a class for every row, for models that are told the class."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.features import plain_numbers
from sparring.data.labelled import Labelled, fingerprint, read_labelled
from sparring.data.mixed_source import mixed_with_classes, read_mixed
from sparring.data.source import BUILT_IN, Source, read
from sparring.errors import DataError, ShapeError
from sparring.shapes import describe

__all__ = ["MOST_CLASSES", "read_conditioned"]

MOST_CLASSES = 1000
CLASSES = "class"  # what the column of a table is called whose classes have no name


def read_conditioned(
    data: Any,
    labels: Any,
    size: Any = None,
    kind: str = "auto",
    leave_out: Collection[str | int] = (),
    schema: Any = None,
    in_parts: bool | None = None,
) -> tuple[Source, NDArray[Any] | None]:
    """Read data and the classes of their rows, if ``labels`` names some.

    data: as for ``read``, or Labelled. labels: None; an array (n,); the name of a CSV's or DataFrame's column or
    of a file of classes; or True: those that come with the data (sub-folders of images, the array y of an .npz,
    the labels beside an IDX file, built-in data).
    A table of mixed columns is read as one; its classes become a column of it (``MixedSchema.classes``). leave_out:
    columns of it to pass over; schema: a file that says what its columns are; in_parts: whether it is read in parts,
    if it has no classes; None: if it is too large for memory.
    Raises DataError or ShapeError if there are none, or they do not fit.
    """
    if labels is None and not isinstance(data, Labelled) and kind in ("auto", "table"):
        mixed = read_mixed(data, leave_out, schema, in_parts)
        if mixed is not None:
            return mixed, None
    if labels is None and not isinstance(data, Labelled):
        return read(data, size, kind), None
    if isinstance(data, str) and data in BUILT_IN:
        source = read(data, size, kind)
        classes = source.labels if labels is True else labels
        if classes is None:
            raise DataError(f"{data} has no classes; leave them out.")
    else:
        found = read_labelled(data, None if labels is True else labels, size)
        if _is_mixed(found.inputs, kind, leave_out, schema):
            return _with_column(found, leave_out, schema), None
        source, classes = read(found.inputs, size, kind), found.targets
        source = replace(source, path=found.path, names=found.rows or source.names)
        if classes is None:
            raise DataError("the data come without classes; give them as y, or leave y out.")
    return _joined(source, classes)


def _is_mixed(inputs: Any, kind: str, leave_out: Collection[str | int], schema: Any) -> bool:
    """Whether rows beside classes are a table of mixed columns; plain numbers are no such."""
    if not isinstance(inputs, pd.DataFrame) or kind not in ("auto", "table"):
        return False
    return bool(leave_out) or schema is not None or not plain_numbers(inputs)


def _with_column(found: Labelled, leave_out: Collection[str | int], schema: Any) -> Source:
    """A mixed table with its classes as a column: of the name that they have, or "class"."""
    if found.targets is None:
        raise DataError("the data come without classes; give them as y, or leave y out.")
    name = found.target or getattr(found.targets, "name", None) or CLASSES
    return mixed_with_classes(
        found.inputs, _checked(found.targets, len(found.inputs)), str(name), leave_out, schema, found.path
    )


def _joined(source: Source, classes: Any) -> tuple[Source, NDArray[Any]]:
    found = _checked(classes, len(source.values))
    mark = fingerprint(found)
    return replace(source, labels=found, fingerprint=f"{source.fingerprint}-{mark}"), found


def _checked(classes: Any, n: int) -> NDArray[Any]:
    """The classes of n rows as an array."""
    found = np.asarray(classes)
    if found.shape != (n,):
        raise ShapeError(f"y must hold one class for each of the {n} rows; got the shape {describe(found.shape)}.")
    if found.dtype.kind == "O":
        found = _texts(found)
    _refuse_no_classes(found)
    return found


def _texts(found: NDArray[Any]) -> NDArray[Any]:
    missing = [i for i, value in enumerate(found) if value is None or value != value]
    if missing:
        raise DataError(f"y has no class in row {missing[0]}; fill or leave out such rows.")
    return np.array([str(value) for value in found]) if any(isinstance(v, str) for v in found) else found.astype(float)


def _refuse_no_classes(found: NDArray[Any]) -> None:
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise DataError(f"y holds {found[row]} in row {row}; every row needs a class.")
    if found.dtype.kind == "f" and (found != np.round(found)).any():
        raise DataError(f"y holds numbers such as {found[found != np.round(found)][0]:g}; classes are needed.")
    count = len(np.unique(found))
    if count > min(MOST_CLASSES, max(len(found) // 2, 2)):
        raise DataError(f"y holds {count:,} different values in {len(found):,} rows; classes are needed.")
