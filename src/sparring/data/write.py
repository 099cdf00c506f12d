"""Samples to files, by the name's ending."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.image import as_bytes, grid, to_pillow
from sparring.data.parquet import write_parquet
from sparring.data.records import as_records
from sparring.errors import DataError, FolderError, ShapeError
from sparring.files import explained, replaced_file, replaced_folder
from sparring.quiet import quiet
from sparring.shapes import describe

__all__ = ["ROWS", "as_frame", "write", "write_rows"]

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
MOST_EXACT = 2**53  # beyond which a float need not be the whole number that it was
ROWS = (".csv", ".parquet")  # endings of files that take any number of rows
LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # pixels of a side that a format can hold


def write(
    samples: Any,
    path: Path | str,
    names: Sequence[str] | None = None,
    columns: int | None = None,
    low: float | None = None,
    high: float | None = None,
    padding: int = 1,
    labels: NDArray[Any] | None = None,
) -> Path:
    """Write samples, whole or not at all, and return the path.

    .npy, .npz (as X), .csv and .parquet take anything (images as one row each, booleans as 0 and 1); .png, .jpg
    and the like take images, as one picture; a name without an ending takes images as a folder of PNGs.
    Of images with 2 or more than 4 channels, pictures show the first.
    names: of a CSV's columns, where samples are an array (default: x0, x1, ...; for images p0, p1, ...).
    columns, padding: of a picture. low, high: the values that are black and white in pictures (see ``as_bytes``).
    labels: the samples' classes (n,), which a table holds as the column ``class``, an .npz as the array y.
    Raises DataError for another ending, a table as a picture or a picture too large for its format,
    ShapeError if the names do not fit, FolderError if it cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        _write_array(path, _array(samples), labels)
    elif suffix in ROWS:
        frame = as_frame(samples, names) if labels is None else as_frame(samples, names).assign(**{"class": labels})
        write_rows([frame], path)
    elif suffix in PICTURES:
        _write_picture(path, grid(_images(samples, path), columns, padding, low, high))
    elif not suffix and path.name:
        _write_folder(path, as_bytes(_images(samples, path), low, high))
    else:
        found = f"{suffix} files" if suffix else "to the present folder itself"
        raise DataError(f"{path}: cannot write {found}; choose .npy, .npz, .csv, .parquet, .png or a new folder.")
    return path


def write_rows(
    parts: Iterable[Any], path: Path, whole: Collection[str | int] = (), like: pd.DataFrame | None = None
) -> Path:
    """A .csv or .parquet of any length, a part at a time, whole or not at all; booleans are True and False.

    whole: columns of whole numbers that are floats only because some are missing; they are written as 220, not 220.0.
    like: rows that tell the columns' types of a .parquet (see ``write_parquet``).
    Raises FolderError if it cannot be written, DataError for a .parquet without pyarrow.
    """
    frames = (_whole_again(part, whole) if isinstance(part, pd.DataFrame) else as_frame(part) for part in parts)
    if path.suffix.lower() == ".parquet":
        write_parquet(frames, path, None if like is None else _whole_again(like, whole))
        return path
    with replaced_file(path) as partial:
        for i, frame in enumerate(frames):
            frame.to_csv(partial, index=False, header=i == 0, mode="w" if i == 0 else "a")
    return path


def _array(samples: Any) -> NDArray[Any]:
    """Samples as an array, which of a table with columns that are no numbers is one of records."""
    found = np.asarray(samples)
    return as_records(samples) if found.dtype == object and isinstance(samples, pd.DataFrame) else found


def _write_array(path: Path, samples: NDArray[Any], labels: NDArray[Any] | None) -> None:
    with replaced_file(path) as partial, open(partial, "wb") as file, quiet(UserWarning):  # of names in UTF-8
        if path.suffix.lower() == ".npy":
            np.save(file, samples)
        else:
            arrays: dict[str, Any] = {"X": samples} if labels is None else {"X": samples, "y": labels}
            np.savez_compressed(file, **arrays)


def as_frame(samples: Any, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Samples as rows: a CSV that is written can be read. names: as for ``write``.

    Booleans are 0 and 1; whole numbers that are floats only because some are missing are whole again.
    """
    if isinstance(samples, pd.DataFrame):
        frame: Any = samples
        booleans = [name for name in frame.columns if frame[name].dtype.kind == "b" and not frame[name].isna().any()]
        gaps = [name for name in frame.columns if frame[name].isna().any()]
        return _whole_again(samples.astype(dict.fromkeys(booleans, np.uint8)), gaps)
    rows = np.asarray(samples).reshape(len(samples), -1)
    rows = rows.astype(np.uint8) if rows.dtype.kind == "b" else rows
    letter = "p" if np.ndim(samples) > 2 else "x"
    names = [f"{letter}{i}" for i in range(rows.shape[1])] if names is None else list(names)
    if len(names) != rows.shape[1]:
        raise ShapeError(f"{len(names)} column names cannot name {rows.shape[1]} columns; one each is needed.")
    return pd.DataFrame(rows, columns=pd.Index(names))


def _whole_again(frame: pd.DataFrame, names: Collection[str | int]) -> pd.DataFrame:
    """Some columns as Int64, which has gaps too, where they are floats and hold nothing but whole numbers."""
    found: Any = frame
    return frame.astype(dict.fromkeys([name for name in names if _are_whole(found[name])], "Int64"))


def _are_whole(values: Any) -> bool:
    """Whether all of a column of floats that is there are whole numbers."""
    if not isinstance(values.dtype, np.dtype) or values.dtype.kind != "f":
        return False
    known = values.dropna()
    return bool((known % 1 == 0).all() and (known.abs() <= MOST_EXACT).all())


def _images(samples: Any, path: Path) -> NDArray[Any]:
    images = np.asarray(samples)
    if images.ndim < 3:
        raise DataError(f"{path}: rows of numbers are no picture; choose .csv, .npy or .npz.")
    if images.ndim > 4 or 0 in images.shape:
        raise ShapeError(f"images must have the shape (n, h, w) or (n, h, w, c); got {describe(images.shape)}.")
    return images


def _write_picture(path: Path, whole: NDArray[np.uint8]) -> None:
    kind = PICTURES[path.suffix.lower()]
    height, width = whole.shape[:2]
    longest = LONGEST.get(kind, max(height, width))
    if max(height, width) > longest:
        raise DataError(
            f"{path}: a picture of {height} × {width} pixels is too large for {kind} (at most {longest} a side); "
            "choose .png, or fewer samples."
        )
    picture = to_pillow(whole)
    if kind == "JPEG" and picture.mode != "L":
        picture = picture.convert("RGB")
    with replaced_file(path) as partial, open(partial, "wb") as file:
        picture.save(file, kind)


def _write_folder(path: Path, images: NDArray[np.uint8]) -> None:
    with explained(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FolderError(f"{path} exists and is not empty. Images need a new or empty folder.")
    digits = max(4, len(str(len(images))))
    with explained(path), replaced_folder(path) as partial:
        for i, image in enumerate(images, 1):
            to_pillow(image).save(partial / f"{i:0{digits}d}.png")
