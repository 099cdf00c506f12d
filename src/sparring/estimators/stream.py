"""What partial_fit remembers between its calls."""

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from sparring.estimators.examples import Examples
from sparring.estimators.fitting import Fit, measure
from sparring.place import threads
from sparring.record import Record
from sparring.training import train
from sparring.training.stopping import Patience

__all__ = ["Stream"]


@dataclass
class Stream:
    """The newest network and its optimiser, the rows held out of the first call, and the best network so far."""

    looks: int
    tolerance: float
    network: nn.Module | None = None
    optimizer: dict[str, Any] | None = None
    held_out: Examples | None = None
    best: nn.Module | None = None
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self.patience = Patience(self.looks, self.tolerance)

    @property
    def stalled(self) -> bool:
        """Whether the validation error has not fallen for as many calls as patience lasts."""
        return self.patience.waited >= self.looks

    def play(self, made: Fit, call: int, record: Record) -> nn.Module:
        """One pass over a call's rows. Returns the network to answer with."""
        if self.network is not None:
            made.network.load_state_dict(self.network.state_dict())
        optimizer: Any = made.game.parts["network optimizer"]
        if self.optimizer is not None:
            optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        row: dict[str, float | int] = {"step": call}
        with threads(made.threads):
            for step in train(made.game.turns, made.batches, made.batches.per_epoch, made.state, made.place):
                row |= made.watch.see(step) or {}
        self.network, self.optimizer = made.network, copy.deepcopy(optimizer.state_dict())
        self.held_out = made.data.held_out if len(made.data.held_out) else self.held_out
        row["epoch"] = call
        answering = self._measured(made, call, row) if self.held_out is not None else made.network
        record.append(row)
        return copy.deepcopy(answering)

    def _measured(self, made: Fit, call: int, row: dict[str, float | int]) -> nn.Module:
        assert self.held_out is not None
        made.network.eval()
        with torch.inference_mode():
            row |= measure(made.network, made.data.targets, self.held_out, made.place)
        self.patience.see(call, float(row["validation/error"]))
        if self.patience.best_step == call or self.best is None:
            self.best = copy.deepcopy(made.network)
        return self.best
