"""Rows of a mixed table as a network makes and sees them: one choice out of several in each part, and scalars."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART
from sparring.precision import in_full
from sparring.quiet import quiet

__all__ = ["Choices", "Ranked", "Ranks", "begin_at_shares", "ranking"]


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
    span: Tensor

    def __init__(self, parts: Sequence[int], spans: Sequence[tuple[int, int]] = (), temperature: float = 0.5) -> None:
        super().__init__()
        self.parts, self.temperature = len(parts), temperature
        span = torch.full((sum(parts),), len(spans))
        for i, (start, end) in enumerate(spans):
            span[start:end] = i
        self.register_buffer("part", torch.repeat_interleave(torch.tensor(parts, dtype=torch.long)), persistent=False)
        self.register_buffer("span", span, persistent=False)
        places = torch.cat([torch.arange(size) for size in parts] or [torch.empty(0)])
        self.register_buffer("place", places, persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        made: Tensor = _Choice.apply(numbers, self.part, self.parts, self.span, self.temperature)  # type: ignore[assignment]
        return made

    @in_full
    def compact(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The same rows as the place that is chosen in each part, int32 (n, parts), and the scalars where they apply.

        Scalars in other places are of no meaning.
        """
        risen = _risen(numbers, self.part, self.parts)
        last = risen.new_zeros(self.parts, len(numbers))
        last.index_reduce_(0, self.part, risen.eq_(0).mul_(self.place[:, None]), "amax")
        return last.T.to(torch.int32), numbers[:, len(self.part) :].tanh()


class _Choice(torch.autograd.Function):
    """``Choices``, places first and rows second, where each part's places are a few long stretches of memory."""

    @staticmethod
    @in_full
    def forward(ctx: Any, numbers: Tensor, part: Tensor, parts: int, span: Tensor, temperature: float) -> Tensor:
        risen, scalars = _risen(numbers, part, parts), numbers.T[len(part) :].tanh()
        made = numbers.new_empty(numbers.shape[::-1])
        chosen = torch.eq(risen, 0, out=made[: len(part)])
        inside = _total(chosen, span, len(scalars) + 1)[:-1]  # whether a scalar's bin is chosen
        torch.mul(scalars, inside, out=made[len(part) :])
        ctx.save_for_backward(risen, scalars, inside, part, span)
        ctx.parts, ctx.temperature = parts, temperature
        return made.T.contiguous()

    @staticmethod
    @in_full
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        risen, scalars, inside, part, span = ctx.saved_tensors
        found = slopes[0].T.clone(memory_format=torch.contiguous_format)
        of_places, of_scalars = found.split([len(part), len(scalars)])
        soft = risen.div(ctx.temperature).exp_()
        soft /= _total(soft, part, ctx.parts).index_select(0, part)
        beside = nn.functional.pad(of_scalars * scalars, (0, 0, 0, 1))  # 0 for places of no scalar
        weighted = beside.index_select(0, span).add_(of_places).mul_(soft)
        weighted -= soft.mul_(_total(weighted, part, ctx.parts).index_select(0, part))
        torch.div(weighted, ctx.temperature, out=of_places)
        of_scalars.mul_(inside).mul_(1 - scalars.square())
        return found.T, None, None, None, None


def _risen(numbers: Tensor, part: Tensor, parts: int) -> Tensor:
    """How far each place's number is from the highest of its part: (places, n), 0 where it is chosen."""
    logits = numbers.T[: len(part)].contiguous()
    lowest = logits.new_full((parts, len(numbers)), -torch.inf)
    return logits - lowest.index_reduce_(0, part, logits, "amax").index_select(0, part)


def _total(values: Tensor, of: Tensor, count: int) -> Tensor:
    """(count, n): the sums of values (places, n) over the places that are of each. of: (places,)."""
    return values.new_zeros(count, values.shape[1]).index_add_(0, of, values)


with quiet():  # torch says once in a process that this function is new
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

    @in_full
    def forward(self, x: Tensor) -> Tensor:
        rows = x.unflatten(1, (self.pack, -1))
        return torch.cat([x, (rows[..., : len(self.levels)] @ self.levels).flatten(1)], 1)


class Ranked(nn.Linear):
    """The same before a linear layer: W [x, x L] + b = (W_x + W_r L^T) x + b, which never lays the ranks out.

    linear: of pack (width + ranks) inputs. levels, pack: as for ``Ranks``.
    """

    levels: Tensor

    def __init__(self, linear: nn.Linear, levels: Tensor, pack: int = 1) -> None:
        super().__init__(linear.in_features, linear.out_features)
        self.load_state_dict(linear.state_dict())
        self.pack = pack
        self.register_buffer("levels", levels, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.linear(input, self.matrix(), self.bias)

    def matrix(self) -> Tensor:
        """W_x + W_r L^T: (outputs, pack width)."""
        own, ranks = (w.unflatten(1, (self.pack, -1)) for w in self.weight.split(self._sizes, dim=1))
        told = (ranks.flatten(0, 1) @ self.levels.T).unflatten(0, ranks.shape[:2])  # one product, not one for each unit
        return (own + nn.functional.pad(told, (0, own.shape[2] - told.shape[2]))).flatten(1)

    def pulled(self, gradient: Tensor) -> Tensor:
        """The gradient of the weight, from that of the matrix."""
        of_places = gradient.unflatten(1, (self.pack, -1))[..., : len(self.levels)]
        return torch.cat([gradient, (of_places @ self.levels).flatten(1)], 1)

    @property
    def _sizes(self) -> list[int]:
        ranks = self.pack * self.levels.shape[1]
        return [self.in_features - ranks, ranks]


def ranking(critic: nn.Module, levels: Tensor, pack: int = 1) -> nn.Module:
    """A critic of pack (width + ranks) inputs as one of rows, (n, pack width), that sees their ranks too."""
    first = critic[0] if isinstance(critic, nn.Sequential) else None
    if isinstance(critic, nn.Sequential) and isinstance(first, nn.Linear):
        critic[0] = Ranked(first, levels, pack)
        return critic
    return nn.Sequential(Ranks(levels, pack), critic)


APART.update({Choices, Ranked, Ranks})
