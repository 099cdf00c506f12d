"""How a command ends when its output cannot be written, or when something happens that nobody foresaw."""

import contextlib
import io
import os
import platform
import shlex
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from sparring.errors import OutputError

__all__ = ["UNFORESEEN", "answering", "unforeseen"]

UNFORESEEN = 70  # the exit code (EX_SOFTWARE of sysexits.h)


class _Nowhere(io.TextIOBase):
    """A standard output that was closed before we began. wanted: whether anything was to be written."""

    wanted = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.wanted = self.wanted or bool(text)
        return len(text)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Run a command, and raise OutputError if what it says on standard output does not reach anybody.

    A reader that went away (``| head``) is a BrokenPipeError, as everywhere.
    """
    nowhere = _closed_output()
    try:
        yield
        if nowhere is None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None or isinstance(error, OutputError):
            raise
        _silenced()
        raise OutputError(f"cannot write to standard output: {os.strerror(error.errno or 0)}.") from error
    if nowhere is not None and nowhere.wanted:
        raise OutputError("cannot write to standard output: it is closed.")


def _closed_output() -> _Nowhere | None:
    """In place of a standard output that is closed, one that takes note; its number is kept from other files."""
    if sys.stdout is not None:
        return None
    for _ in range(3):  # the numbers of standard input, output and error
        if (number := os.open(os.devnull, os.O_RDWR)) > 2:
            os.close(number)
            break
    sys.stdout = nowhere = _Nowhere()  # type: ignore[assignment]
    return nowhere


def _silenced() -> None:
    """Drop what is still to be written, which would fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unforeseen(error: BaseException, arguments: Sequence[str]) -> str:
    """A line to report about an error that is none of ours; its whole trace is kept in a file that the line names."""
    trace = "".join(traceback.format_exception(error))
    command = shlex.join(["sparring", *arguments])
    system = f"sparring {_version()}, Python {platform.python_version()}, {platform.platform()}"
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    kept = _kept(f"{system}\n{command}\n\n{trace}", arguments)
    where = f" with {kept}" if kept is not None else ""
    return f"unforeseen {what} ({system}; the command was: {command}). Please report it{where}."


def _version() -> str:
    from sparring import __version__

    return __version__


def _kept(content: str, arguments: Sequence[str]) -> Path | None:
    """The file that a trace was written to: in the command's run folder, else in the cache; None: nowhere."""
    from sparring.data.cache import cache_folder
    from sparring.files import write_bytes

    runs = [Path(word) for word in arguments if "\0" not in word and (Path(word) / "run.json").is_file()]
    for folder in (*runs, cache_folder()):
        path = folder / f"trace-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        with contextlib.suppress(OSError, OutputError):
            write_bytes(path, content.encode("utf-8", "backslashreplace"))
            return path
    return None
