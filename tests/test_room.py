"""Freed memory is kept while a run is played, and given back after it."""

import platform
import resource
from pathlib import Path

import pytest
import torch

from sparring.room import OWN_CHOICE, kept_memory

FLOATS = 10 * 2**20  # 40 MiB: more than glibc keeps by itself
PAGES = FLOATS * 4 // resource.getpagesize()


def _faults(times: int = 3) -> int:
    """Pages that the system hands out while a block is taken, filled and freed some times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(FLOATS).sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _held() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if platform.libc_ver()[0] != "glibc" or (huge.exists() and "[always]" in huge.read_text()):
        pytest.skip("counts glibc's pages")
    for name in OWN_CHOICE:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("pages")
def test_freed_memory_is_kept_for_the_next_step_and_then_given_back() -> None:
    assert _faults() >= 2.9 * PAGES
    with kept_memory():
        _faults(1)
        with kept_memory():  # a run in a run's callback
            pass
        assert _faults() < 0.1 * PAGES
        during = _held()
    assert during - _held() > 0.9 * PAGES
    assert _faults() >= 2.9 * PAGES


@pytest.mark.usefixtures("pages")
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    with kept_memory():
        assert _faults() >= 2.9 * PAGES
