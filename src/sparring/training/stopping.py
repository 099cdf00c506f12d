"""When to stop, and which weights to keep: folds over measured values."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

__all__ = ["Best", "Patience"]


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


class Best:
    """Keeps a network's weights from the step where a value was lowest.

    value, step: of the lowest so far; infinity and 0 before there is any.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.lowest = Patience(looks=0)
        self.weights: dict[str, Tensor] | None = None

    @property
    def value(self) -> float:
        return self.lowest.best

    @property
    def step(self) -> int:
        return self.lowest.best_step

    def see(self, step: int, value: float) -> None:
        """Take in a value, and the network's present weights if it is the lowest (or the first)."""
        self.lowest.see(step, value)
        if self.step == step or self.weights is None:
            self.weights = {name: found.detach().clone() for name, found in self.network.state_dict().items()}

    def restore(self) -> None:
        """Put the best weights back into the network, if there are any."""
        if self.weights is not None:
            self.network.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"lowest": self.lowest.state_dict(), "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.lowest.load_state_dict(state["lowest"])
        self.weights = state["weights"]
