"""Data with a target for every row, from wherever they are: arrays, frames, CSVs, folders of classes, IDX files."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.core.util.hashing import hash_pandas_object

from sparring.data import toy
from sparring.data.frames import TABLES, as_pandas, read_frame, read_table
from sparring.data.image import image_files, read_images
from sparring.data.schema import nearest
from sparring.data.source import existing, from_npy
from sparring.data.table import read_csv
from sparring.data.unpacking import member_array, unpacked
from sparring.errors import DataError, InputError

__all__ = ["LABELLED", "Labelled", "array_of", "fingerprint", "read_inputs", "read_labelled"]


@dataclass(frozen=True)
class Labelled:
    """Rows and their targets, as they were found.

    inputs: an array or DataFrame, or whatever the user passed. targets: as long, or None if none were found.
    path, target: where they came from, and the column or file of the targets; None for data in memory.
    rows: what to call each row (file names), or None.
    """

    inputs: Any
    targets: Any
    path: str | None = None
    target: str | None = None
    rows: tuple[str, ...] | None = None


def _sets(name: str) -> tuple[pd.DataFrame, NDArray[Any]]:
    from sklearn import datasets

    found: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    names = getattr(found, "target_names", None)
    return found.data, found.target.to_numpy() if names is None else np.asarray(names)[found.target]


LABELLED: Mapping[str, Callable[[], tuple[Any, Any]]] = MappingProxyType(
    {
        "demo:digits": toy.digits,
        "demo:breast-cancer": lambda: _sets("breast_cancer"),
        "demo:wine": lambda: _sets("wine"),
        "demo:iris": lambda: _sets("iris"),
        "demo:diabetes": lambda: _sets("diabetes"),
    }
)
"""Data with targets that need no file; the last has numbers to predict, the others classes."""


def read_labelled(
    data: Any, target: Any = None, size: int | tuple[int, int] | None = None, names: Collection[str] = ()
) -> Labelled:
    """Find rows and their targets; what they hold is not checked here.

    data, target: what was read already; arrays; a DataFrame (of polars or Arrow too), CSV or Parquet and the name of
    its target column, which is then no input; a folder with one sub-folder of images per class; an .npz and the name
    of its target array (default: y); an .npy and the file or array of its targets; an IDX file of images (its labels
    lie beside it); or the name of built-in data. size: for folders of images. names: the columns of a mixed table that
    the rows must be like.
    Raises DataError with what was found, where, and what is needed.
    """
    if isinstance(data, Labelled):
        return data
    if isinstance(data, str) and data in LABELLED:
        return Labelled(*LABELLED[data](), path=data)
    data = as_pandas(data)
    if isinstance(data, pd.DataFrame):
        if not isinstance(target, str):
            return Labelled(data, target)
        return Labelled(*_split(data, target, "the DataFrame"), target=target)
    if isinstance(data, str | os.PathLike):
        path = existing(os.fspath(data), LABELLED)
        where = os.fspath(target) if isinstance(target, str | os.PathLike) else None
        inputs, targets, rows = _from_path(path, where if where is not None else target, size, names)
        return Labelled(inputs, targets, str(data), where, rows)
    return Labelled(data, target)


def read_inputs(data: Any, size: int | tuple[int, int] | None = None, names: Collection[str] = ()) -> Labelled:
    """Rows without targets, to predict; a CSV may hold columns that are not needed.

    Of built-in data the targets come along. names: as for ``read_labelled``.
    """
    if isinstance(data, Labelled):
        return data
    if isinstance(data, str) and data in LABELLED:
        return read_labelled(data)
    if not isinstance(data, str | os.PathLike):
        return Labelled(as_pandas(data), None)
    path = existing(os.fspath(data), LABELLED)
    if path.is_dir():
        images, names = read_images(path, size)
        return Labelled(images, None, str(data), rows=names)
    if path.suffix.lower() in TABLES:
        mixed = names or path.suffix.lower() == ".parquet"
        return Labelled(read_frame(path, names) if mixed else read_csv(path, texts=True), None, str(data))
    if path.suffix.lower() == ".npz":
        return Labelled(array_of(path, "X"), None, str(data))
    return Labelled(_idx(path) if _is_idx(path) else from_npy(path), None, str(data))


def fingerprint(*parts: Any) -> str:
    """A hash of the type, shape and content of arrays, frames and their names; None counts too."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, pd.DataFrame):
            digest.update(repr(list(part.columns)).encode())
            digest.update(hash_pandas_object(part, index=False).to_numpy().tobytes())
            continue
        array = np.asarray(part)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        plain = array.dtype.kind in "OUS"
        content = repr(array.tolist()).encode() if plain else np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        digest.update(memoryview(cast(Any, content)))
    return digest.hexdigest()


# -- files


def _from_path(path: Path, target: Any, size: Any, names: Collection[str]) -> tuple[Any, Any, tuple[str, ...] | None]:
    """(inputs, targets, names of rows)."""
    if path.is_dir():
        _refuse_target(path, target, "the names of its sub-folders are the classes")
        return _from_classes(path, size)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        table = read_frame(path, names) if names else read_table(path, (target,) if isinstance(target, str) else ())
        return *_split(table, target, str(path)), None
    if suffix == ".npz":
        return array_of(path, "X"), array_of(path, "y" if target is None else target), None
    if _is_idx(path):
        return _idx(path), _idx(_labels_of(path)) if target is None else _targets(target), None
    if suffix == ".npy":
        if target is None:
            raise DataError(f"{path} holds inputs alone; the targets are needed too, as another .npy file or an array.")
        return from_npy(path), _targets(target), None
    raise DataError(
        f"{path} has no known kind; a folder of classes, a .csv, .parquet, .npz, .npy or IDX file is needed."
    )


def _refuse_target(path: Path, target: Any, reason: str) -> None:
    if target is not None:
        raise InputError(f"{path} needs no target: {reason}.")


def _split(frame: pd.DataFrame, target: Any, name: str) -> tuple[pd.DataFrame, Any]:
    """(the other columns, the target column)."""
    names = [str(column) for column in frame.columns]
    if target is None:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise InputError(f"{name}: which column is to be predicted? Name the target; the columns are {shown}.")
    if not isinstance(target, str):
        return frame, target
    if target not in names:
        raise DataError(f"{name} has no column {target!r}{nearest(target, names)}.")
    if len(names) < 2:
        raise DataError(f"{name} has no column but the target {target!r}; there is nothing to predict it from.")
    place = names.index(target)
    targets: Any = frame.iloc[:, place]
    numeric = isinstance(targets.dtype, np.dtype) and targets.dtype.kind in "biuf" and not targets.isna().any()
    # what else there is, and gaps, are for the estimator to understand, or to refuse by the column's name
    return frame.drop(columns=frame.columns[place]), targets.to_numpy() if numeric else targets


def _from_classes(folder: Path, size: Any) -> tuple[NDArray[np.uint8], NDArray[Any], tuple[str, ...]]:
    found, _ = image_files(folder)
    loose = [path for path in found if path.parent == folder]
    if loose or not found:
        held = f"{loose[0].name} lies in it directly" if loose else "it holds no images"
        raise DataError(f"{folder}: {held}; one sub-folder of images for every class is needed.")
    images, names = read_images(folder, size)
    return images, np.array([Path(name).parts[0] for name in names]), names


def array_of(path: Path, name: str) -> NDArray[Any]:
    """An array of an .npz file. Raises DataError for another file, or if it has no such array."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
            if name in names:
                return member_array(path, archive, f"{name}.npy")
    except DataError:
        raise
    except Exception as error:  # what a damaged file makes NumPy raise is anybody's guess
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}. Arrays are needed.") from None
    raise DataError(f"{path} has no array {name!r}{nearest(name, names)}; the inputs are X and the targets y.")


def _targets(target: Any) -> Any:
    if not isinstance(target, str | os.PathLike):
        return target
    path = existing(os.fspath(target))
    return _idx(path) if _is_idx(path) else from_npy(path)


# -- IDX, the format of MNIST


def _is_idx(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith(("-ubyte", ".idx"))


def _labels_of(path: Path) -> Path:
    """The labels that lie beside a file of images: train-labels-idx1-ubyte for train-images-idx3-ubyte."""
    wanted = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if wanted == path or not wanted.exists():
        raise DataError(f"{path} holds images alone, and there are no labels {wanted.name} beside it; name their file.")
    return wanted


def _idx(path: Path) -> NDArray[np.uint8]:
    """Bytes of any number of dimensions, compressed or not.

    Format: two zero bytes, the type (8: bytes), the number of dimensions, each size in four bytes (big
    end first), the values. Source: LeCun, Cortes & Burges, "The MNIST database".
    """
    content = unpacked(path)
    dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if content[:3] != b"\0\0\x08" or not dimensions or len(content) < start:
        raise DataError(f"{path} is not an IDX file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}.")
    sizes = np.frombuffer(content[4:start], ">u4").astype(int)
    if len(content) - start != sizes.prod():
        raise DataError(
            f"{path} says {sizes.prod():,} values, but holds {len(content) - start:,}: it is cut or changed."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes).copy()
