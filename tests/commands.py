"""Runs commands in this process."""

from typing import Any

import pytest

from sparring.cli import main

__all__ = ["run"]


def run(*arguments: Any) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code  # type: ignore[return-value]
