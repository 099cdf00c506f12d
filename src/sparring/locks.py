"""One writer at a time in a folder: a lock file that says which process holds it."""

import contextlib
import json
import os
import platform
import secrets
import threading
import weakref
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from sparring.errors import FolderError
from sparring.files import NOT_FOLLOWING, explained

__all__ = ["NAME", "Lock", "refuse_held"]

NAME = "lock"
SAME = 2.0  # seconds by which a process's start may differ from what was noted: clocks are set
_ours: WeakValueDictionary[Path, "Lock"] = WeakValueDictionary()  # of this process, in whatever threads
_changing = threading.Lock()


class Lock:
    """A folder held by this process, from when it is made until ``release``.

    Raises FolderError if another process or thread holds it, with which. A lock whose process is gone, or whose number
    belongs to a process that began at another time, is taken over.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.process, self.thread = os.getpid(), threading.get_ident()
        self._folder = folder.resolve()
        with _changing:
            earlier = _ours.get(self._folder)
            if earlier is not None and earlier.blocks(self):
                raise _by_thread(folder)
            if earlier is None or not earlier.held or earlier.process != self.process:
                self._take(folder)
            else:  # what held it in this thread was broken off
                earlier._end.detach()
            _ours[self._folder] = self
            self._end = weakref.finalize(self, _free, self.path, self.process)

    @property
    def held(self) -> bool:
        return self._end.alive

    def blocks(self, other: "Lock") -> bool:
        """Whether another thread of the same process holds the folder."""
        return self.held and self.process == other.process and self.thread != other.thread

    def _take(self, folder: Path) -> None:
        mine = json.dumps({"process": os.getpid(), "began": _began(os.getpid()), "host": platform.node()}).encode()
        for _ in range(8):  # others may take it over at the same time
            with explained(self.path):
                if self._claimed(mine):
                    return
                refuse_held(folder)
                stale = self.path.with_name(f"{NAME}.{secrets.token_hex(6)}")
                with contextlib.suppress(FileNotFoundError):
                    self.path.rename(stale)  # one of several who see that it is stale succeeds
                    stale.unlink()
        raise FolderError(f"{folder} is wanted by several processes at once. Try again.")

    def _claimed(self, mine: bytes) -> bool:
        """Write the lock, whole at once, unless there is one."""
        own = self.path.with_name(f"{NAME}.{os.getpid()}-{secrets.token_hex(6)}")
        try:
            _write_new(own, mine)
            try:
                os.link(own, self.path)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                _write_new(self.path, mine)
            return True
        except FileExistsError:
            return False
        finally:
            own.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others write; a second call does nothing. What is forgotten, or whose process ends, is released too."""
        self._end()


def _free(path: Path, process: int) -> None:
    if process == os.getpid():  # a fork is another process, and holds nothing
        with contextlib.suppress(OSError):
            path.unlink()


def _write_new(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | NOT_FOLLOWING, 0o666)
    with open(handle, "wb") as file:
        file.write(content)


def refuse_held(folder: Path) -> None:
    """Raise FolderError, with which process, if another one that lives holds a folder."""
    holder = _holder(folder / NAME)
    if holder is None:
        return
    process, host = holder["process"], holder["host"]
    if host != platform.node():
        raise FolderError(
            f"{folder} is held by process {process} on {host}. If that has ended, remove {folder / NAME} and try again."
        )
    if process == os.getpid():
        earlier = _ours.get(folder.resolve())
        if earlier is not None and earlier.held and earlier.thread != threading.get_ident():
            raise _by_thread(folder)
        return
    began = _began(process)
    if began is not None and abs(began - holder["began"]) < SAME:
        raise FolderError(f"{folder} is being written by process {process}. Wait until it ends, or end it.")


def _by_thread(folder: Path) -> FolderError:
    return FolderError(f"{folder} is being written by another thread of this process. Wait until it ends.")


def _holder(path: Path) -> dict[str, Any] | None:
    """What a lock says; None if there is none, or none that says who."""
    try:
        found = json.loads(path.read_bytes()[:4096])
        return {"process": int(found["process"]), "began": float(found["began"]), "host": str(found["host"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _began(process: int) -> float | None:
    """When a process began, in seconds since 1970; None if there is none of this number."""
    import psutil  # seldom needed

    try:
        return psutil.Process(process).create_time()
    except (psutil.Error, ValueError, OverflowError):
        return None
