"""What a command warns of, a line each on standard error."""

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from sparring.errors import FolderWarning

__all__ = ["warned"]


@contextlib.contextmanager
def warned() -> Iterator[None]:
    """Say each warning of a run folder once, in a line, while a command runs; other warnings are as they were."""
    said: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", FolderWarning)
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, FolderWarning):
                usual(message, category, *where, **more)
                return
            line = " ".join(str(message).split())
            if line not in said:
                said.add(line)
                print(f"sparring: warning: {line}", file=sys.stderr)

        warnings.showwarning = show
        yield
