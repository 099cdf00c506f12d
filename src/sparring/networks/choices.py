"""Rows of a mixed table as a network makes and sees them: one choice out of several in each part, and scalars."""

import warnings
from collections.abc import Sequence
from typing import Any

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
    place: Tensor
    within: Tensor

    def __init__(self, parts: Sequence[int], spans: Sequence[tuple[int, int]] = (), temperature: float = 0.5) -> None:
        super().__init__()
        self.parts, self.temperature = len(parts), temperature
        within = torch.zeros(sum(parts), len(spans))
        for i, (start, end) in enumerate(spans):
            within[start:end, i] = 1
        self.register_buffer("part", torch.repeat_interleave(torch.tensor(parts, dtype=torch.long)), persistent=False)
        self.register_buffer("within", within, persistent=False)
        places = torch.cat([torch.arange(size) for size in parts] or [torch.empty(0)])
        self.register_buffer("place", places, persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        made: Tensor = _Choice.apply(numbers, self.part, self.parts, self.within, self.temperature)  # type: ignore[assignment]
        return made

    def compact(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The same rows as the place that is chosen in each part, int32 (n, parts), and the scalars where they apply.

        Scalars in other places are of no meaning.
        """
        risen = _risen(numbers, self.part, self.parts)
        last = risen.new_zeros(self.parts, len(numbers))
        last.index_reduce_(0, self.part, (risen == 0) * self.place.to(risen.dtype)[:, None], "amax")
        return last.T.to(torch.int32), numbers[:, len(self.part) :].tanh()


class _Choice(torch.autograd.Function):
    """``Choices``, places first and rows second, where each part's places are a few long stretches of memory."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, part: Tensor, parts: int, within: Tensor, temperature: float) -> Tensor:
        risen, scalars = _risen(numbers, part, parts), numbers[:, len(part) :].tanh()
        made = torch.empty_like(numbers)
        made[:, : len(part)] = (risen == 0).T
        inside = made[:, : len(part)] @ within.to(made.dtype)
        made[:, len(part) :] = scalars * inside
        ctx.save_for_backward(risen, scalars, inside, part, within)
        ctx.parts, ctx.temperature = parts, temperature
        return made

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        risen, scalars, inside, part, within = ctx.saved_tensors
        soft = risen.div(ctx.temperature).exp_()
        soft /= _summed(soft, part, ctx.parts)
        beside = slope[:, len(part) :]
        of_places = torch.addmm(slope[:, : len(part)], beside * scalars, within.T.to(slope.dtype)).T
        weighted = soft * of_places
        weighted -= soft.mul_(_summed(weighted, part, ctx.parts))
        found = torch.empty_like(slope)
        found[:, : len(part)] = weighted.div_(ctx.temperature).T
        found[:, len(part) :] = beside * inside * (1 - scalars.square())
        return found, None, None, None, None


def _risen(numbers: Tensor, part: Tensor, parts: int) -> Tensor:
    """How far each place's number is from the highest of its part: (places, n), 0 where it is chosen."""
    logits = numbers[:, : len(part)].T.clone(memory_format=torch.contiguous_format)
    lowest = logits.new_full((parts, len(numbers)), -torch.inf)
    return logits.sub_(lowest.index_reduce_(0, part, logits, "amax").index_select(0, part))


def _summed(values: Tensor, part: Tensor, parts: int) -> Tensor:
    """For each place the sum over its part. values: (places, n)."""
    return values.new_zeros(parts, values.shape[1]).index_add_(0, part, values).index_select(0, part)


with warnings.catch_warnings():  # torch says once in a process that this function is new
    warnings.simplefilter("ignore")
    torch.zeros(1).index_reduce_(0, torch.zeros(1, dtype=torch.long), torch.zeros(1), "amax")


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
