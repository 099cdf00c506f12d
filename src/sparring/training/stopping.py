"""When to stop: a fold over measured values."""

from typing import Any

__all__ = ["Patience"]


class Patience:
    """Says stop when a value to be lowered has not improved for a number of looks.

    A value improves if it is below the best so far by more than ``tolerance``. The lowest value and the
    step where it was seen are kept, however little it was lower: ``best``, ``best_step``.

    >>> patience = Patience(looks=2)
    >>> [patience.see(step, value) for step, value in enumerate([3.0, 2.0, 2.5, 2.1])]
    [False, False, False, True]
    """

    def __init__(self, looks: int, tolerance: float = 0.0) -> None:
        self.looks, self.tolerance = looks, tolerance
        self.best, self.best_step, self.waited = float("inf"), 0, 0

    def see(self, step: int, value: float) -> bool:
        """Take in a value; True means stop. A NaN never counts as better."""
        self.waited = 0 if value < self.best - self.tolerance else self.waited + 1
        if value < self.best:
            self.best, self.best_step = value, step
        return self.waited >= self.looks

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_step": self.best_step, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_step, self.waited = state["best"], state["best_step"], state["waited"]
