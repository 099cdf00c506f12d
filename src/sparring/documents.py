"""JSON that anyone may have written: of bounded size, held against a schema, with a checksum of its own."""

import contextlib
import errno
import hashlib
import json
import math
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sparring.errors import FolderError, SparringError

__all__ = [
    "CHECKSUM",
    "MOST_BYTES",
    "checksum_of",
    "converted",
    "digest_of",
    "finite",
    "parsed",
    "read_whole",
    "sealed",
    "understood",
    "unsealed",
]

CHECKSUM = "checksum"  # the key under which a document holds its own
MOST_BYTES = 2**26
MOST_DEPTH = 64
MOST_DIGITS = 40  # of a whole number: a random state's 128 bits have 39
FAULTS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError)
T = TypeVar("T")


def read_whole(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's bytes. Raises OSError as ``open`` does, ValueError for what is no file, or more than ``most`` bytes."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        raise IsADirectoryError(errno.EISDIR, "it is a folder") if path.is_dir() else ValueError("it is no plain file")
    if found.st_size > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return path.read_bytes()


def parsed(content: bytes | str, infinite: bool = True) -> Any:
    """The value of a JSON text. infinite: whether NaN and infinities, which Python writes, may be in it.

    Raises ValueError for anything else, for numbers of more than 40 digits, and for lists in lists in lists, 64 deep.
    """
    if isinstance(content, bytes):
        content = content.decode("utf-8")
    numbers: dict[str, Any] = {"parse_int": _whole}
    if not infinite:
        numbers |= {"parse_constant": _refuse_infinite, "parse_float": _decimal}
    try:
        value = json.loads(content, **numbers)
        _refuse_deep(value)
    except RecursionError:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep") from None
    return value


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"it holds a whole number of {len(digits):,} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse_infinite(digits)


def _refuse_infinite(name: str) -> Any:
    raise ValueError(f"it holds the number {name[:MOST_DIGITS]}, which is not finite")


def _refuse_deep(value: Any) -> None:
    """Level by level, so that no depth is too much for the check itself."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise ValueError(f"it is nested more than {MOST_DEPTH} deep")


def _parts(value: Any) -> Any:
    if isinstance(value, dict):
        return [part for part in value.values() if isinstance(part, dict | list)]
    return [part for part in value if isinstance(part, dict | list)] if isinstance(value, list) else ()


def converted(value: Any, kind: type[T]) -> T:
    """A plain value as a ``msgspec.Struct``. Raises ValueError with the place, such as ``$.data.path``."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(str(error)) from None


def finite(value: Any, place: str = "$") -> None:
    """Raise ValueError if a number in a plain value is not finite, with its place."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} at `{place}`, where a finite number is needed")
    if isinstance(value, dict):
        for name, part in value.items():
            finite(part, f"{place}.{name}")
    if isinstance(value, list | tuple):
        for part in value:
            finite(part, f"{place}[...]")


@contextlib.contextmanager
def understood(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the content of a run folder into one clear line, a FolderError."""
    try:
        yield
    except SparringError:
        raise
    except FAULTS as error:
        said = " ".join(str(error).split())[:300]
        raise FolderError(
            f"{folder} cannot be used: what its files say does not fit together ({type(error).__name__}: {said})."
        ) from error


# -- checksums


def digest_of(content: bytes) -> str:
    """The checksum of a file's bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def checksum_of(document: Mapping[str, Any]) -> str:
    """The checksum of what a document says, however it is laid out. Its own is left out."""
    said = {name: value for name, value in document.items() if name != CHECKSUM}
    plain = json.loads(json.dumps(said))  # keys of every type are texts then, and tuples lists
    return digest_of(json.dumps(plain, sort_keys=True).encode())


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with its checksum, as it is written."""
    return {**document, CHECKSUM: checksum_of(document)}


def unsealed(document: dict[str, Any], path: Path) -> tuple[dict[str, Any], bool]:
    """A document without its checksum, and whether it had one. Raises FolderError if the two do not match."""
    if CHECKSUM not in document:
        return document, False
    said = {name: value for name, value in document.items() if name != CHECKSUM}
    if checksum_of(said) != document[CHECKSUM]:
        raise FolderError(f"{path} has been changed or damaged since it was written: its checksum does not match.")
    return said, True
