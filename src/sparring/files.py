"""Files that are whole or not there at all: written to a temporary name, synced, renamed."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparring.errors import FolderError

__all__ = ["explained", "read_json", "replaced_file", "replaced_folder", "sync_folder", "write_bytes", "write_json"]

TEMPORARY = ".partial"


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals (full disk, no permission) into one clear line."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise FolderError(f"cannot write {place}: {reason}. Free some space or choose another place.") from error


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder last through a power cut (not possible, nor needed, on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it becomes ``path``."""
    partial = path.with_name(path.name + TEMPORARY)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            with open(partial, "rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well, it becomes ``path``, whole."""
    partial = path.with_name(path.name + TEMPORARY)
    with explained(path):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            for found in (*partial.rglob("*"), partial):
                if found.is_dir():
                    sync_folder(found)
                    continue
                with open(found, "rb+") as handle:
                    os.fsync(handle.fileno())
            shutil.rmtree(path, ignore_errors=True)
            partial.replace(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    with replaced_file(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
