"""Samples to files, by the name's ending."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sparring.data.image import as_bytes, grid, to_pillow
from sparring.errors import DataError, FolderError
from sparring.files import explained, replaced_file, replaced_folder

__all__ = ["write"]

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def write(samples: Any, path: Path) -> None:
    """Write samples, whole or not at all.

    .npy, .npz (as X) and .csv take anything (images as one row each); .png, .jpg and the like take
    images, as one picture; a name without an ending takes images as a folder of PNGs.
    Raises DataError for another ending or a table as a picture, FolderError if it cannot be written.
    """
    suffix = path.suffix.lower()
    is_image = np.ndim(samples) > 2
    if suffix in PICTURES or not suffix:
        if not is_image:
            raise DataError(f"{path}: rows of numbers are no picture; choose .csv, .npy or .npz.")
        _write_folder(samples, path) if not suffix else _write_picture(samples, path)
    elif suffix == ".npy":
        with replaced_file(path) as partial, open(partial, "wb") as file:
            np.save(file, np.asarray(samples))
    elif suffix == ".npz":
        with replaced_file(path) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, X=np.asarray(samples))
    elif suffix == ".csv":
        with replaced_file(path) as partial:
            _frame(samples).to_csv(partial, index=False)
    else:
        raise DataError(f"{path}: cannot write {suffix} files; choose .npy, .npz, .csv, .png or a folder.")


def _frame(samples: Any) -> pd.DataFrame:
    if isinstance(samples, pd.DataFrame):
        return samples
    rows = np.asarray(samples).reshape(len(samples), -1)
    return pd.DataFrame(rows, columns=pd.Index([f"x{i}" for i in range(rows.shape[1])]))


def _write_picture(images: Any, path: Path) -> None:
    picture = to_pillow(grid(np.asarray(images)))
    if path.suffix.lower() in (".jpg", ".jpeg"):
        picture = picture.convert("RGB" if picture.mode != "L" else "L")
    kind = {".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower(), path.suffix[1:].upper())
    with replaced_file(path) as partial, open(partial, "wb") as file:
        picture.save(file, kind)


def _write_folder(images: Any, path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FolderError(f"{path} exists and is not empty. Images need a new or empty folder.")
    digits = max(4, len(str(len(images))))
    with explained(path), replaced_folder(path) as partial:
        for i, image in enumerate(as_bytes(np.asarray(images)), 1):
            to_pillow(image).save(partial / f"{i:0{digits}d}.png")
