"""What is looked at when an epoch of a supervised fit ends: its errors, when to stop, and the best weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data.batches import Batched
from sparring.place import Place
from sparring.training.loop import Step
from sparring.training.stopping import Best, Patience

__all__ = ["EpochWatch"]

Measures = Mapping[str, float]


class EpochWatch:
    """Looks at a fit at the end of every epoch.

    The training error is the mean over the epoch's batches, each before its update and with dropout. evaluate:
    gives measures of the network on validation rows, among them "validation/error"; None: there are no
    such rows. patience: sees the validation error, or the training error where there is none; None:
    all epochs are played. ``best`` keeps the weights of the lowest validation error. probe: gives further
    measures, every ``probe_every`` epochs (the sizes of deltas). place: several ranks see the mean training
    error of all, and rank 0's other measures, so that they stop together.
    It is part of a run's state: what was seen and the best weights are in its checkpoints.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batched,
        evaluate: Callable[[], Measures] | None = None,
        patience: Patience | None = None,
        probe: Callable[[], Measures] | None = None,
        probe_every: int = 1,
        place: Place | None = None,
    ) -> None:
        self.network, self.batches, self.per_epoch = network, batches, batches.per_epoch
        self.evaluate, self.patience = evaluate, patience
        self.probe, self.probe_every = probe, probe_every
        self.place = Place() if place is None else place
        self.best = Best(network)  # of the validation error, without a tolerance
        self.done = False
        self._errors: list[Tensor] = []  # of this epoch's batches, still on their device

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation error, counted from one."""
        return self.best.step // self.per_epoch

    def see(self, step: Step) -> Measures | None:
        """Take in a step; at an epoch's end, give the measures to be recorded."""
        loss = step.played["network"].loss
        error = loss.terms.get("error", loss.total).detach()
        place = (step.index - 1) % self.per_epoch
        self._errors.append(error)
        return self._end(step.index) if place + 1 == self.per_epoch else None

    def _end(self, step: int) -> Measures:
        errors = torch.stack(self._errors)
        self.place.average([errors])
        counts = [self.batches.count(index) for index in range(step - self.per_epoch, step)]
        mean = float(np.average(errors.cpu().double().numpy(), weights=counts))
        found = {"epoch": step // self.per_epoch, "training/error": mean}
        self._errors.clear()
        if self.evaluate is not None:
            found |= self._evaluated(step, self.evaluate)
        if self.probe is not None and (found["epoch"] - 1) % self.probe_every == 0:
            found |= self.probe()
        watched = found["training/error" if self.evaluate is None else "validation/error"]
        self.done = self.patience is not None and self.patience.see(step, watched)
        return found

    def _evaluated(self, step: int, evaluate: Callable[[], Measures]) -> Measures:
        self.network.eval()
        found = self.place.broadcast(evaluate())
        self.network.train()
        self.best.see(step, found["validation/error"])
        return found

    def state_dict(self) -> dict[str, Any]:
        return {
            "errors": torch.stack(self._errors) if self._errors else None,
            "best": self.best.state_dict(),
            "patience": None if self.patience is None else self.patience.state_dict(),
            "done": self.done,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._errors = [] if state["errors"] is None else list(state["errors"].clone().unbind())
        self.best.load_state_dict(state["best"])
        if self.patience is not None and state["patience"] is not None:
            self.patience.load_state_dict(state["patience"])
        self.done = state["done"]
