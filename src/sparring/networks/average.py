"""The moving average of a network's weights, whose samples are better than the last weights' own."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """An exponential moving average (EMA) of a network, updated once per step.

    average <- average + (1 - decay) (weights - average), with decay = 2^(-1 / half_life). In the
    first steps the half-life is at most a tenth of the steps so far, so that the untrained
    weights are soon forgotten. Buffers are copied.
    Source: Karras et al. 2018 for generators; the warm-up follows Karras et al. 2020 (rampup).

    module: the average itself, in evaluation mode, needing no gradients.
    """

    RAMP = 0.1

    def __init__(self, source: nn.Module, half_life: float) -> None:
        self.half_life, self.steps = half_life, 0
        self.module = copy.deepcopy(source).eval().requires_grad_(False)
        # listed once: walking through a network's modules costs more than averaging a small one
        self._targets: list[Tensor] = list(self.module.parameters())
        self._sources = [parameter.detach() for parameter in source.parameters()]
        self._buffers: list[tuple[Tensor, Tensor]] = list(zip(self.module.buffers(), source.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Take in the source's present weights."""
        self.steps += 1
        decay = 2.0 ** (-1.0 / max(min(self.half_life, self.RAMP * self.steps), 1e-9))
        torch._foreach_lerp_(self._targets, self._sources, 1.0 - decay)
        for target, source in self._buffers:
            target.copy_(source)

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.steps = state["steps"]
