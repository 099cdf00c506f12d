"""What has lain in the cache folder unused, or is of data that have changed, is removed when something new is kept."""

import contextlib
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sparring.files import PARTIAL

try:
    import fcntl
except ImportError:  # Windows, where files that are open cannot be removed
    fcntl = None

__all__ = ["UNUSED", "hold", "source_of", "tidy", "touch"]

UNUSED = 30 * 86_400.0  # seconds since the last use, after which a file is removed
OURS = re.compile(r"([0-9a-f]{16,32})(-[0-9a-f]{16})?\.(npy|json|words)")


def touch(*files: Path) -> None:
    """Note that files are used now."""
    for path in files:
        with contextlib.suppress(OSError):  # of another user, who may let us read alone
            os.utime(path)


def hold(file: IO[bytes]) -> None:
    """Keep others from removing a file for as long as it is open."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # some network folders know no locks
            fcntl.flock(file.fileno(), fcntl.LOCK_SH)


def source_of(path: Path) -> dict[str, Any]:
    """By what it is seen that data have changed."""
    found = path.stat()
    return {"path": str(path.resolve()), "size": found.st_size, "time": found.st_mtime_ns}


def tidy(folder: Path) -> None:
    """Remove what has not been used for 30 days, or is of a table that has changed, unless a process uses it.

    Files of other names stay, whatever they are.
    """
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in folder.iterdir():
        unfinished = PARTIAL.fullmatch(path.name)
        name = OURS.fullmatch(path.name if unfinished is None else unfinished[1])
        if name is not None and path.is_file():
            groups[name[1] + (name[2] or "")].append(path)
    for files in groups.values():
        with contextlib.suppress(OSError):  # somebody else may tidy at the same time
            if _is_old(files) or any(path.suffix == ".json" and _has_changed(path) for path in files):
                with _unheld(files) as free:
                    for path in files if free else ():
                        path.unlink(missing_ok=True)


def _is_old(files: list[Path]) -> bool:
    return max(path.stat().st_mtime for path in files) < time.time() - UNUSED


def _has_changed(about: Path) -> bool:
    """Whether a table is there, and no longer what it was. One that is away may come back."""
    try:
        told = json.loads(about.read_text()).get("source")
    except (ValueError, AttributeError):
        return False
    return isinstance(told, dict) and Path(told["path"]).exists() and source_of(Path(told["path"])) != told


@contextlib.contextmanager
def _unheld(files: list[Path]) -> Iterator[bool]:
    """Whether no process holds one of the files; none can begin to while the block runs."""
    with contextlib.ExitStack() as stack:
        free = True
        for path in files if fcntl is not None else ():
            file = stack.enter_context(open(path, "rb"))
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)  # pyright: ignore[reportOptionalMemberAccess]
            except BlockingIOError:
                free = False
            except OSError:  # no locks here: the file's age has to do
                continue
        yield free
