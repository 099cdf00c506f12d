"""Freed memory is kept while a run is played, and given back after it."""

import json
import os
import platform
import subprocess
import sys

import pytest

from sparring.room import OWN_CHOICE

# In a process of its own, whose heap nothing else has shaped. Pages that the system hands out while 40 MiB, more than
# glibc keeps by itself, are taken, filled and freed some times; and how many the process has less at the end.
SCRIPT = """
import json, resource
from pathlib import Path
from sparring.room import kept_memory

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(40 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return int(Path("/proc/self/statm").read_text().split()[1])

before = faults(3)
with kept_memory():
    first = faults(1)
    with kept_memory():  # a run in a run's callback
        pass
    during, most = faults(3), held()
print(json.dumps([before, during, most - held(), faults(3)]))
"""
PAGES = 40 * 2**20 // 4096

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or os.sysconf("SC_PAGE_SIZE") != 4096, reason="counts glibc's pages"
)


def _counted(**more: str) -> list[int]:
    environment = {name: value for name, value in os.environ.items() if name not in OWN_CHOICE}
    command = [sys.executable, "-c", SCRIPT]
    said = subprocess.run(command, env={**environment, **more}, check=True, capture_output=True, text=True).stdout
    return json.loads(said)


def test_freed_memory_is_kept_for_the_next_step_and_then_given_back() -> None:
    before, during, given_back, after = _counted()
    assert min(before, after) > 2.9 * PAGES
    assert during < 0.1 * PAGES
    assert given_back > 0.9 * PAGES


def test_what_the_user_has_set_stays() -> None:
    _, during, given_back, _ = _counted(MALLOC_TRIM_THRESHOLD_="131072")
    assert during > 2.9 * PAGES
    assert given_back < 0.1 * PAGES
