"""The best generator of a game: measured now and then by data not learned from, kept, and a reason to stop."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from sparring.place import Place
from sparring.training.loop import Step
from sparring.training.stopping import Best, Patience

__all__ = ["Selection"]


class Selection:
    """Looks at a game's generator now and then, keeps the best one, and may end the game.

    A game's losses say nothing of its quality, so they are not what is watched. It looks every ``every`` steps,
    and at the last of ``steps``. generator: the one that samples (a moving average). measure: of it, figures for the
    record with their names (the first is the one to be lowered, or with ``higher`` to be raised). patience:
    ends the game; None: all steps are played. place: several ranks see rank 0's figures, so that they stop together.
    It is part of a run's state: what was seen and the best weights are in its checkpoints. ``seconds`` and
    ``looks`` say what measuring cost in this session.
    """

    def __init__(
        self,
        generator: nn.Module,
        measure: Callable[[nn.Module], Mapping[str, float]],
        every: int,
        steps: int,
        patience: Patience | None = None,
        *,
        higher: bool = False,
        place: Place | None = None,
    ) -> None:
        self.generator, self.measure, self.patience = generator, measure, patience
        self.every, self.steps = every, steps
        self.sign = -1.0 if higher else 1.0
        self.place = Place() if place is None else place
        self.best = Best(generator)
        self.done, self.seconds, self.looks = False, 0.0, 0

    def see(self, step: Step) -> Mapping[str, float] | None:
        """Take in a step; at a look, give the figures to be recorded."""
        if step.index % self.every and step.index != self.steps:
            return None
        began = time.perf_counter()
        found = self.place.broadcast(dict(self.measure(self.generator)) if self.place.leads else None)
        value = self.sign * next(iter(found.values()))
        self.best.see(step.index, value)
        self.done = self.patience is not None and self.patience.see(step.index, value)
        self.seconds, self.looks = self.seconds + time.perf_counter() - began, self.looks + 1
        return found

    def state_dict(self) -> dict[str, Any]:
        patience = None if self.patience is None else self.patience.state_dict()
        return {"best": self.best.state_dict(), "patience": patience, "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best.load_state_dict(state["best"])
        if self.patience is not None and state["patience"] is not None:
            self.patience.load_state_dict(state["patience"])
        self.done = state["done"]
