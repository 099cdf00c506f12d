"""How much memory is free, asked before much of it is taken."""

import os
from pathlib import Path

__all__ = ["free_bytes"]


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
