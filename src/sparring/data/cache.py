"""Folders of images too large for memory: decoded once into a file that is read row by row."""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparring.data.image import image_files, image_reader
from sparring.data.tidying import tidy, touch
from sparring.files import explained, replaced_file

__all__ = ["cache_folder", "read_cached"]

CHANNELS = 3  # guessed before any pixel is read


def cache_folder() -> Path:
    """Where such files are kept: $SPARRING_CACHE, or the user's cache folder. Any of them may be deleted.

    What has not been used for 30 days, or is of a table that has changed, goes by itself (``tidying``).
    """
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparring"
    return Path(os.environ.get("SPARRING_CACHE") or usual)


def read_cached(
    folder: Path, size: int | tuple[int, int] | None, most: int
) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """The images of a folder as a memory-mapped array, and their names; None if they would take up to ``most`` bytes.

    They are what ``read_images`` would give. The first call decodes them into ``cache_folder()``, one by one; later
    ones find them there, unless a file was added, taken away or changed.
    """
    paths, _ = image_files(folder)
    if not paths or _bytes(paths, size) <= most:
        return None
    names = tuple(str(path.relative_to(folder)) for path in paths)
    array = cache_folder() / f"{_mark(folder, paths, size)}.npy"
    touch(array)
    if not array.exists():
        _decoded(paths, size, array)
    return np.load(array, mmap_mode="c", allow_pickle=False), names


def _bytes(paths: list[Path], size: Any) -> int:
    """About how many the decoded images take: of the first, if all are scaled, else of a file's header each."""
    if size is not None:
        sides = (size, size) if isinstance(size, int) else tuple(size)
        return len(paths) * int(sides[0]) * int(sides[1]) * CHANNELS
    total = 0
    for path in paths:
        try:
            with Image.open(path) as image:
                total += image.width * image.height * CHANNELS
        except Exception:  # what cannot be read is named when it is decoded
            continue
    return total


def _mark(folder: Path, paths: list[Path], size: Any) -> str:
    """A name that changes with the files' names, sizes and times."""
    digest = hashlib.blake2b(repr((str(folder.resolve()), size)).encode(), digest_size=16)
    for path in paths:
        found = path.stat()
        digest.update(f"{path}{found.st_size}{found.st_mtime_ns}".encode())
    return digest.hexdigest()


def _decoded(paths: list[Path], size: Any, array: Path) -> None:
    """Write every image into one array, without ever holding more than one.

    Others may decode the same folder at the same time: each writes a file of its own, and the last one stays.
    """
    read = image_reader(paths, size)
    own = array.with_name(f"{array.stem}-{secrets.token_hex(8)}.npy")
    with explained(array), replaced_file(own) as partial, open(partial, "wb") as file:
        first = read(paths[0])
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), *first.shape)}
        np.lib.format.write_array_header_2_0(file, header)
        for path in paths:
            file.write(np.ascontiguousarray(read(path)).tobytes())
    with explained(array):
        own.replace(array)
    with contextlib.suppress(OSError):
        tidy(array.parent)
