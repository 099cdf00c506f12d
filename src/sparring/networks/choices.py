"""Rows of a mixed table as a network makes and sees them: one choice out of several in each part, and scalars."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Choices", "Ranks", "begin_at_shares"]


class Choices(nn.Module):
    """Numbers (n, places + scalars) to rows (n, places + scalars): one-hot parts, then scalars in [-1, 1].

    In each part the place with the largest number is chosen; gradients go through softmax(numbers / temperature)
    instead. No noise decides, as it does in a Gumbel softmax: rows differ by the generator's own noise alone, which it
    can turn into a choice that fits the others (see benchmarks/RESULTS.md). All parts are treated in one operation. A
    scalar is tanh of its number where its bin is chosen, and 0 where another place is.

    parts: how many places each has. spans: for each scalar the places (start, end), in the row, of the bins it is in.
    Source: Bengio et al. 2013 ("straight-through"), with the gradient of a softmax (Jang et al. 2017), but no noise.

    >>> Choices([2, 3], [(3, 5)])(torch.tensor([[0.5, 2.0, 1.0, 3.0, 2.0, 0.0]])).tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """

    part: Tensor
    within: Tensor

    def __init__(self, parts: Sequence[int], spans: Sequence[tuple[int, int]] = (), temperature: float = 0.5) -> None:
        super().__init__()
        self.parts, self.places, self.temperature = len(parts), sum(parts), temperature
        part = torch.arange(len(parts)).repeat_interleave(torch.tensor(parts, dtype=torch.long))
        within = torch.zeros(self.places, len(spans))
        for i, (start, end) in enumerate(spans):
            within[start:end, i] = 1
        self.register_buffer("part", part, persistent=False)
        self.register_buffer("within", within, persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        logits, scalars = numbers[:, : self.places] / self.temperature, numbers[:, self.places :]
        highest = self._highest(logits)[:, self.part]
        chosen = (logits >= highest).to(numbers.dtype)
        if torch.is_grad_enabled():
            risen = (logits - highest).exp()
            total = risen.new_zeros(len(risen), self.parts).index_add(1, self.part, risen)
            soft = risen / total[:, self.part]
            chosen = (soft - soft.detach()) + chosen  # its values, to the bit, and the gradient of ``soft``
        return torch.cat([chosen, scalars.tanh() * (chosen @ self.within.to(chosen.dtype))], 1)

    def _highest(self, values: Tensor) -> Tensor:
        """The largest value of each part, (n, parts)."""
        lowest = values.new_full((len(values), self.parts), -torch.inf)
        return lowest.scatter_reduce(1, self.part.expand(len(values), -1), values.detach(), "amax")


@torch.no_grad()
def begin_at_shares(generator: nn.Module, shares: Sequence[float]) -> None:
    """Let every place's number begin at the logarithm of its share in the data. shares: (places,).

    generator: whose last linear layer makes the numbers.
    """
    last = [module for module in generator.modules() if isinstance(module, nn.Linear)][-1]
    last.weight.mul_(0.5)
    last.bias.zero_()
    last.bias[: len(shares)] = torch.tensor(shares).clamp(min=1e-4).log()


class Ranks(nn.Module):
    """Rows (n, width) with the ranks of their values appended, so that a critic need not learn the order of places.

    levels: (places, ranks): where each place stands in the order of its column's values, in [-1, 1], 0 in others'.
    pack: rows that come side by side, (n, pack width).
    """

    levels: Tensor

    def __init__(self, levels: Tensor, pack: int = 1) -> None:
        super().__init__()
        self.pack = pack
        self.register_buffer("levels", levels, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.unflatten(1, (self.pack, -1))
        return torch.cat([x, (rows[..., : len(self.levels)] @ self.levels).flatten(1)], 1)


APART.update({Choices, Ranks})
