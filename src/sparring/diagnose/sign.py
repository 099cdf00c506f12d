"""What a detector is, and what it gives. No torch."""

from collections.abc import Callable
from typing import NamedTuple

from sparring.diagnose.finding import Evidence
from sparring.diagnose.series import Series

__all__ = ["Detector", "Sign"]


class Sign(NamedTuple):
    """What shows a failure. since: the step of the first row that does."""

    since: int
    evidence: tuple[Evidence, ...]


Detector = Callable[[Series], Sign | None]
"""The rows so far to a sign of a failure in the newest, or None."""
