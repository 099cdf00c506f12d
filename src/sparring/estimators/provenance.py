"""Where a run came from: versions, machine, time. For the record, so that it can be repeated."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine", "now", "versions"]


def versions() -> dict[str, str]:
    """The versions that can change a number."""
    packages = ("sparring", "torch", "numpy", "scikit-learn", "POT")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def machine(threads: int) -> dict[str, str | int]:
    """The processor, its cores and the threads used; no name of a host or user."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"processor": _processor(), "system": platform.system(), "cores": cores, "threads": threads}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
