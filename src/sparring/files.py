"""Files that are whole or not there at all: written to a temporary name, synced, renamed.

Temporary names have a random part and are made anew (O_EXCL), so that nothing left behind by a killed process, and no
symbolic link, is written to. What dead processes left behind is removed when the same file is written again.
"""

import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparring.errors import OutputError

__all__ = [
    "NOT_FOLLOWING",
    "PARTIAL",
    "TEMPORARY",
    "append_bytes",
    "explained",
    "reached",
    "read_json",
    "refuse_nowhere",
    "removed",
    "replaced_file",
    "replaced_folder",
    "sync_folder",
    "write_bytes",
    "write_json",
]

TEMPORARY = ".partial"
HOST = f"{zlib.crc32(platform.node().encode()):08x}"
PARTIAL = re.compile(rf"(.+)\.([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{12}}{re.escape(TEMPORARY)}", re.DOTALL)
FOREIGN = 24 * 3600  # seconds after which a temporary file of another machine, whose processes we cannot see, is stale
NOT_FOLLOWING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def reached(moment: str) -> None:
    """Where a process may be killed while it writes; tests kill it here, at one moment after the other."""


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals (full disk, no permission) into one clear line."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OutputError(f"cannot write {place}: {reason}. Free some space or choose another place.") from error


def refuse_nowhere(path: Path) -> None:
    """Raise OutputError, before any work is done, for an output whose folder is not there."""
    if not path.parent.is_dir():
        found = "is no folder" if path.parent.exists() else "does not exist"
        raise OutputError(f"cannot write {path}: {path.parent} {found}. Make it first, or choose another place.")


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
    """Give a temporary path to write to; when the block ends well, it becomes ``path``.

    A symbolic link at ``path`` is replaced, not followed.
    """
    partial = _temporary(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        reached("before the file")
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | NOT_FOLLOWING, 0o666))
        try:
            yield partial
            reached("before its sync")
            with open(partial, "rb+") as file:
                os.fsync(file.fileno())
            reached("before its renaming")
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        reached("after its renaming")
        sync_folder(path.parent)


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well, it becomes ``path``, whole.

    A symbolic link at ``path`` is replaced, not followed.
    """
    partial = _temporary(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        reached("before the folder")
        partial.mkdir()
        try:
            yield partial
            reached("before its sync")
            for found in (*partial.rglob("*"), partial):
                if found.is_dir():
                    sync_folder(found)
                    continue
                with open(found, "rb+") as handle:
                    os.fsync(handle.fileno())
            reached("before the old one is removed")
            removed(path)
            reached("before its renaming")
            partial.replace(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        reached("after its renaming")
        sync_folder(path.parent)


def _temporary(path: Path) -> Path:
    """A name beside a path that nobody can guess, which says whose it is."""
    return path.with_name(f"{path.name}.{HOST}-{os.getpid()}-{secrets.token_hex(6)}{TEMPORARY}")


def _remove_stale(path: Path) -> None:
    """Remove what processes that are gone have left of the same path."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            match = PARTIAL.fullmatch(entry.name)
            if match is not None and match[1] == path.name and _is_stale(entry, match[2], int(match[3])):
                removed(Path(entry.path))


def _is_stale(entry: os.DirEntry[str], host: str, process: int) -> bool:
    if host == HOST:
        import psutil  # seldom needed

        return not psutil.pid_exists(process)
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > FOREIGN


def removed(path: Path) -> None:
    """Remove a file or a folder, if there is one; of a symbolic link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def append_bytes(path: Path, content: bytes) -> None:
    """Add to the end of a file; raise OutputError if it cannot be written, or is a symbolic link."""
    with explained(path):
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | NOT_FOLLOWING, 0o666)
        with open(handle, "ab") as file:
            file.write(content)
    reached("after a row")


def write_bytes(path: Path, content: bytes) -> None:
    with replaced_file(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
