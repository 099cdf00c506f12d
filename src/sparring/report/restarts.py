"""The report's table of restarts: where each short game began, how it ended, and which one was gone on with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparring.report.words import finite, number

__all__ = ["Restarted", "read_restarts"]


@dataclass(frozen=True)
class Restarted:
    """A row of the table. chosen: whether this game was gone on with."""

    number: int
    began: str
    figures: tuple[str, ...]
    chosen: bool


def read_restarts(about: Mapping[str, Any]) -> tuple[int, tuple[Restarted, ...]]:
    """(steps of a short game, the games); (0, ()) where none was begun again."""
    found = about.get("restarts")
    if not isinstance(found, Mapping) or not found.get("tried"):
        return 0, ()
    starts: Sequence[Any] = about.get("starts") or [{}]
    rows = []
    for i, tried in enumerate(found["tried"]):
        start = starts[i % len(starts)]
        w1 = finite(start.get("w1"))
        began = str(start.get("said", "")) + ("" if w1 is None else f", W1 {number(w1)}")
        figures = tuple(number(finite(tried.get(name))) for name in ("w1_to_b", "w1_to_a", "cycle"))
        rows.append(Restarted(i + 1, began, figures, i == found.get("chosen")))
    return int(found.get("steps") or 0), tuple(rows)
