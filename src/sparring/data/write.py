"""Samples to files, by the name's ending."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparring.data.image import as_bytes, grid, to_pillow
from sparring.errors import DataError, FolderError, ShapeError
from sparring.files import explained, replaced_file, replaced_folder

__all__ = ["write"]

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def write(
    samples: Any,
    path: Path | str,
    names: Sequence[str] | None = None,
    columns: int | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Path:
    """Write samples, whole or not at all, and return the path.

    .npy, .npz (as X) and .csv take anything (images as one row each); .png, .jpg and the like take
    images, as one picture; a name without an ending takes images as a folder of PNGs.
    names: of a CSV's columns, where samples are an array (default: x0, x1, ...; for images p0, p1, ...).
    columns: of a picture. low, high: the values that are black and white in pictures (see ``as_bytes``).
    Raises DataError for another ending or a table as a picture, ShapeError if the names do not fit,
    FolderError if it cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    is_image = np.ndim(samples) > 2
    if suffix in PICTURES or not suffix:
        if not is_image:
            raise DataError(f"{path}: rows of numbers are no picture; choose .csv, .npy or .npz.")
        if suffix:
            _write_picture(path, grid(np.asarray(samples), columns, low=low, high=high))
        else:
            _write_folder(path, as_bytes(np.asarray(samples), low, high))
    elif suffix == ".npy":
        with replaced_file(path) as partial, open(partial, "wb") as file:
            np.save(file, np.asarray(samples))
    elif suffix == ".npz":
        with replaced_file(path) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, X=np.asarray(samples))
    elif suffix == ".csv":
        frame = _frame(samples, names)
        with replaced_file(path) as partial:
            frame.to_csv(partial, index=False)
    else:
        raise DataError(f"{path}: cannot write {suffix} files; choose .npy, .npz, .csv, .png or a folder.")
    return path


def _frame(samples: Any, names: Sequence[str] | None) -> pd.DataFrame:
    if isinstance(samples, pd.DataFrame):
        return samples
    rows = np.asarray(samples).reshape(len(samples), -1)
    letter = "p" if np.ndim(samples) > 2 else "x"
    names = [f"{letter}{i}" for i in range(rows.shape[1])] if names is None else list(names)
    if len(names) != rows.shape[1]:
        raise ShapeError(f"{len(names)} column names cannot name {rows.shape[1]} columns; one each is needed.")
    return pd.DataFrame(rows, columns=pd.Index(names))


def _write_picture(path: Path, whole: NDArray[np.uint8]) -> None:
    picture = to_pillow(whole)
    if path.suffix.lower() in (".jpg", ".jpeg"):
        picture = picture.convert("RGB" if picture.mode != "L" else "L")
    kind = {".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower(), path.suffix[1:].upper())
    with replaced_file(path) as partial, open(partial, "wb") as file:
        picture.save(file, kind)


def _write_folder(path: Path, images: NDArray[np.uint8]) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FolderError(f"{path} exists and is not empty. Images need a new or empty folder.")
    digits = max(4, len(str(len(images))))
    with explained(path), replaced_folder(path) as partial:
        for i, image in enumerate(images, 1):
            to_pillow(image).save(partial / f"{i:0{digits}d}.png")
