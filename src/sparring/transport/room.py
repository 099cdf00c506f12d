"""Whether a matrix of distances fits into memory, asked before it is made."""

import os
from pathlib import Path

from sparring.errors import InputError

__all__ = ["free_bytes", "require_room"]

BYTES = 12  # for a pair: its distance, and what the simplex needs beside it


def free_bytes() -> int | None:
    """What this process may still take, in bytes: the machine's, or its container's if that is less. None: unknown."""
    found = [left for left in (_of_machine(), _of_container()) if left is not None]
    return min(found) if found else None


def _of_machine() -> int | None:
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None


def _of_container() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # there is none, or "max": no limit
        return None


def require_room(n: int, m: int) -> None:
    """Raises InputError, with what does fit, if the distances of n and m points need more memory than is free."""
    needed, free = BYTES * n * m, free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"an exact plan between {n:,} and {m:,} points needs about {needed / 1e9:.3g} GB of memory; "
            f"{free / 1e9:.3g} GB are free. sliced(x, y) (--sliced 200) needs none "
            "of it, and against_floor(x, y, samples=2000) (--samples 2000) measures subsamples, with an interval."
        )
