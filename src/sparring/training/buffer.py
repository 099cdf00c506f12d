"""A buffer of past fakes, from which a critic is taught too, so that it does not forget what it has seen."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sparring.chance import Chance

__all__ = ["Buffer"]


class Buffer:
    """The critic is shown each new fake, or with probability 1/2 an old one in its place, which the new one replaces.

    size: how many fakes are kept; until there are so many, every fake is kept and shown. 0: none is. Within a batch no
    kept fake is shown twice; of a batch larger than the buffer, the rows beyond ``size`` are shown as they are.
    Its content is part of a run's checkpoints.
    Source: Shrivastava et al. 2017, section 2.3, in the form of Zhu et al. 2017, section 7.1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: Tensor | None = None

    def shown(self, fakes: Tensor, chance: Chance) -> Tensor:
        """What the critic sees in the place of fakes (n, ...), of the same shape; draws from ``chance``."""
        if self.size == 0:
            return fakes
        if self.kept is not None:  # it comes from a checkpoint on the CPU
            self.kept = self.kept.to(fakes.device)
        held = 0 if self.kept is None else len(self.kept)
        fresh = fakes[: self.size - held].clone()  # kept and shown: there is room for them
        shown = torch.cat([fresh, self._exchanged(fakes[len(fresh) :], chance)])
        self.kept = fresh if self.kept is None else torch.cat([self.kept, fresh]) if len(fresh) else self.kept
        return shown

    def _exchanged(self, fakes: Tensor, chance: Chance) -> Tensor:
        """Rows that meet a full buffer."""
        n = min(len(fakes), self.size)
        if n == 0 or self.kept is None or len(self.kept) < self.size:
            return fakes
        places = torch.rand(self.size, generator=chance.named, device=fakes.device).topk(n).indices
        taken = torch.rand(n, generator=chance.named, device=fakes.device) < 0.5
        old, rows = self.kept[places], taken.view(-1, *[1] * (fakes.dim() - 1))
        self.kept[places] = torch.where(rows, fakes[:n], old)
        return torch.cat([torch.where(rows, old, fakes[:n]), fakes[n:]])

    def state_dict(self) -> dict[str, Any]:
        return {"kept": None if self.kept is None else self.kept.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.kept = None if state["kept"] is None else state["kept"].clone()
