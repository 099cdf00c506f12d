"""Several short games from fresh weights, of which the best is gone on with."""

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

from sparring.place import Place
from sparring.training.checkpoint import Stateful
from sparring.training.loop import Step

__all__ = ["Restarts", "own_step"]

State = dict[str, Any]


def own_step(step: int, count: int, short: int) -> int:
    """How many steps the present game has played when a run of ``count`` games of ``short`` steps has played ``step``.

    >>> [own_step(step, 3, 100) for step in (0, 99, 100, 299, 300, 350)]
    [0, 99, 0, 99, 100, 150]
    """
    if count < 2:
        return step
    return step % short if step < count * short else step - (count - 1) * short


class Restarts:
    """Plays the first ``steps`` steps of ``count`` games one after the other in one run, and goes on with the best.

    parts: of the running game; each short game ends by loading other states into them. fresh(i): the states that game i
    begins with, i >= 1; game 0 is the one that the run begins with. measure: of a game as it stands, figures for
    the record with their names, the first of which is to be lowered. Nothing else of a run starts again: its steps,
    its place in the data and its draws go on. It is part of a run's state, so that a run can be stopped among its
    restarts and gone on with.

    tried: the figures of each game so far, and ``chosen``, the number of the best, once all have been played.
    """

    done = False

    def __init__(
        self,
        parts: Mapping[str, Stateful],
        count: int,
        steps: int,
        fresh: Callable[[int], Mapping[str, State]],
        measure: Callable[[], Mapping[str, float]],
        place: Place | None = None,
    ) -> None:
        self.parts, self.count, self.steps = dict(parts), count, steps
        self.fresh, self.measure = fresh, measure
        self.place = Place() if place is None else place
        self.tried: list[dict[str, float]] = []
        self.chosen: int | None = None
        self._best: dict[str, State] | None = None
        self.seconds = 0.0

    @property
    def total(self) -> int:
        """Steps of all the short games."""
        return self.count * self.steps if self.count > 1 else 0

    def see(self, step: Step) -> Mapping[str, float] | None:
        """Take in a step; at the end of a short game, give its figures and put the next game in its place."""
        if step.index > self.total or step.index % self.steps:
            return None
        began = time.perf_counter()
        found = self.place.broadcast(dict(self.measure()) if self.place.leads else None)
        self.tried.append(found)
        if self._first(found) == min(map(self._first, self.tried)) or self._best is None:
            self._best = {name: copy.deepcopy(part.state_dict()) for name, part in self.parts.items()}
            self.chosen = len(self.tried) - 1
        last = len(self.tried) == self.count
        self._load(self._best if last else self.fresh(len(self.tried)))
        if last:
            self._best = None
        self.seconds += time.perf_counter() - began
        return {f"restart/{name}": value for name, value in found.items()}

    @staticmethod
    def _first(figures: Mapping[str, float]) -> float:
        value = next(iter(figures.values()))
        return value if value == value else float("inf")  # a NaN is never the best

    def _load(self, states: Mapping[str, State]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(states[name])

    def state_dict(self) -> dict[str, Any]:
        return {"tried": copy.deepcopy(self.tried), "chosen": self.chosen, "best": self._best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.tried = [dict(found) for found in state["tried"]]
        self.chosen, self._best = state["chosen"], state["best"]
