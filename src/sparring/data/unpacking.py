"""Packed files, of which a small one may hold far more than memory does: bounded before they are unpacked."""

import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import DataError

__all__ = ["member_array", "opened_gzip", "refuse_swollen", "unpacked", "whole_array"]

LARGE = 2**28  # bytes that any file may come to
RATIO = 250  # and above that, times its packed size; texts come to ten, empty pictures to hundreds
BLOCK = 2**20
HEADER = 2**16  # bytes that hold an array's header


def refuse_swollen(path: Path, packed: int, whole: int) -> None:
    """Raise DataError for a packed file that is far larger unpacked than data are. packed, whole: bytes."""
    if whole > max(LARGE, RATIO * packed):
        raise DataError(
            f"{path} is damaged, or made to fill the memory: {packed:,} bytes of it unpack to {whole:,} or more. "
            "Unpack it first, if that is meant."
        )


def unpacked(path: Path) -> bytes:
    """A file's bytes, unpacked if its name ends in .gz. Raises DataError if it cannot be read or is too large."""
    with opened_gzip(path) as file:
        return file.read()


@contextmanager
def opened_gzip(path: Path) -> Iterator[IO[bytes]]:
    """A file to read, unpacked on the way if its name ends in .gz; what is wrong with it is a DataError."""
    try:
        with path.open("rb") as raw:
            if path.suffix.lower() != ".gz":
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as file, io.BufferedReader(_Bounded(file, path), BLOCK) as bounded:
                yield bounded
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


class _Bounded(io.RawIOBase):
    """What a packed file holds, up to as much as is refused."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path, self._packed, self._read = file, path, path.stat().st_size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._read += count
        refuse_swollen(self._path, self._packed, self._read)
        return count


def member_array(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """An array of an .npz; never an object that would have to be unpickled.

    Raises what NumPy and zipfile raise for damaged ones, and DataError for one that swells.
    """
    found = archive.getinfo(name)
    refuse_swollen(path, found.compress_size, found.file_size)
    with archive.open(found) as array:
        _refuse_cut(array.read(HEADER), found.file_size)
    with archive.open(found) as array:
        return _array(array)


def whole_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """An array in NumPy's format that ends where the file ends, of so many bytes. Raises ValueError if it does not."""
    _refuse_cut(file.read(HEADER), size)
    file.seek(0)
    return _array(file)


def _array(file: Any) -> NDArray[Any]:
    made = np.lib.format.read_array(file, allow_pickle=False)
    if file.read(1):
        raise ValueError("something follows the array's last number: it is cut or changed")
    return made


def _refuse_cut(head: bytes, size: int) -> None:
    """Raise ValueError, before room is made, for an array whose header says more numbers than the file holds."""
    start = io.BytesIO(head)
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    header = headers.get(np.lib.format.read_magic(start))
    if header is None:  # of names in UTF-8, which no reader of NumPy's is public for
        return
    shape, _, dtype = header(start)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"it says {' × '.join(map(str, shape))} numbers, and is cut: {size:,} bytes cannot hold them")
