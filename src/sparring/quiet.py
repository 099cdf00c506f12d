"""Silence for warnings of other libraries in a block, in one thread, without changing the filters of others.

``warnings.catch_warnings`` replaces the filters of the whole process and puts them back at its end: blocks that overlap
in two threads can leave other filters than the user had.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["quiet"]

_IGNORED: ContextVar[tuple[type[Warning], ...]] = ContextVar("warnings that are ignored here", default=())
_lock = threading.Lock()
_open = 0  # blocks that are open, in whatever threads


class _OpenBlock:
    """A filter's pattern of messages: it fits any, but only in a thread that is in a block."""

    pattern = "sparring.quiet"

    def match(self, message: str) -> bool:
        return bool(_IGNORED.get())


class _Ignored(type):
    """The class of a class of warnings that holds just those which the present block ignores."""

    def __subclasscheck__(cls, category: type) -> bool:
        return issubclass(category, _IGNORED.get())


class _Any(Warning, metaclass=_Ignored):
    pass


_FILTER: Any = ("ignore", _OpenBlock(), _Any, None, 0)


@contextlib.contextmanager
def quiet(*categories: type[Warning]) -> Iterator[None]:
    """Run a block in which this thread's warnings of some categories (all, if none is named) are not shown.

    In a program run with ``-W error`` or under pytest they do not become exceptions either.
    """
    global _open
    token = _IGNORED.set(_IGNORED.get() + (categories or (Warning,)))
    with _lock:
        _open += 1
        _place()
    try:
        yield
    finally:
        _IGNORED.reset(token)
        with _lock:
            _open -= 1
            if _open == 0:
                _remove()


def _place() -> None:
    """Put our filter first, where ``warnings.filters`` is now: a user's catch_warnings exchanges that list."""
    filters: Any = warnings.filters
    if not filters or filters[0] is not _FILTER:
        _remove()
        filters.insert(0, _FILTER)
        _changed()


def _remove() -> None:
    filters: Any = warnings.filters
    while _FILTER in filters:
        filters.remove(_FILTER)
        _changed()


def _changed() -> None:
    """Tell Python that the filters are others, by the name that its version has for that."""
    tell: Any = getattr(warnings, "_filters_mutated", None) or vars(warnings)["_filters_mutated_lock_held"]
    tell()
