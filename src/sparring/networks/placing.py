"""Rows of a mixed table made from rows of another: numbers go by their ranks, labels by their places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparring.networks.choices import Choices
from sparring.networks.layers import APART
from sparring.networks.translators import VectorTranslator
from sparring.precision import in_full

__all__ = ["Places", "Placing", "Ranking", "TableTranslator"]

EDGE = 0.999  # of a bin from -1 to 1: tanh does not reach its ends
STEEP = 100.0  # how fast a place falls behind with its distance from a rank: by a factor e^-0.5 of chance at 0.05
NARROWEST = 1e-6


@dataclass(frozen=True, eq=False)
class Places:
    """How a row is laid out: one-hot parts, and then scalars.

    parts: how many places each has. spans: for each scalar the places (start, end) of the bins that it is in.
    number: (places,), which number each place tells, -1 for labels and missing values. middle, reach: (places,): it
    covers the ranks from middle - reach to middle + reach. lump: (places,), whether it is a single value. scalars:
    which number each scalar is of.
    """

    parts: Sequence[int]
    spans: Sequence[tuple[int, int]]
    number: Tensor
    middle: Tensor
    reach: Tensor
    lump: Tensor
    scalars: Sequence[int]

    @property
    def count(self) -> int:
        """Places of a row."""
        return len(self.number)

    @property
    def numbers(self) -> int:
        """How many numbers a row has."""
        return int(self.number.max()) + 1 if len(self.number) else 0

    @property
    def width(self) -> int:
        return self.count + len(self.scalars)


class Ranking(nn.Module):
    """Encoded rows (n, places + scalars) to the ranks of their numbers, (n, numbers), in [0, 1]; 1/2 of a missing one.

    In a bin that covers the ranks from m - h to m + h, a scalar s stands for m + h s.
    """

    onto: Tensor
    within: Tensor
    of: Tensor

    def __init__(self, layout: Places) -> None:
        super().__init__()
        onto, within = torch.zeros(layout.count, layout.numbers), torch.zeros(layout.count, len(layout.scalars))
        told = layout.number >= 0
        onto[told.nonzero()[:, 0], layout.number[told]] = layout.middle[told] - 0.5
        for i, (start, end) in enumerate(layout.spans):
            within[start:end, i] = layout.reach[start:end]
        of = torch.tensor(list(layout.scalars), dtype=torch.long)
        for name, values in (("onto", onto), ("within", within), ("of", of)):
            self.register_buffer(name, values, persistent=False)

    @in_full
    def forward(self, x: Tensor) -> Tensor:
        places, scalars = x.split(list(self.within.shape), dim=1)
        return (0.5 + places @ self.onto).index_add(1, self.of, scalars * (places @ self.within))


class Placing(nn.Module):
    """Numbers (n, places + numbers of a row) to what ``Choices`` takes, (n, places + scalars).

    Of each number comes its rank r, and of each place one number more, y. A place of a number that covers the ranks
    m - h to m + h gets y - 100 max(d, 0)^2 with d = |r - m| - h, how far r is outside, so that the place that r is in
    is chosen unless y says otherwise; a single value, which may lie among bins, gets y - 100 d |d|. A scalar is
    (r - m) / h in its bin. Labels and missing values get y alone.
    """

    number: Tensor
    middle: Tensor
    reach: Tensor
    lump: Tensor
    steep: Tensor
    bins: Tensor
    padding: Tensor
    of: Tensor

    def __init__(self, layout: Places) -> None:
        super().__init__()
        self.sizes = [layout.count, layout.numbers]
        widest = max((end - start for start, end in layout.spans), default=0)
        bins = torch.zeros(len(layout.spans), widest, dtype=torch.long)
        padding = torch.ones(len(layout.spans), widest, dtype=torch.bool)
        for i, (start, end) in enumerate(layout.spans):
            bins[i, : end - start], padding[i, : end - start] = torch.arange(start, end), False
        told = {
            "number": torch.where(layout.number < 0, layout.numbers, layout.number),
            "middle": layout.middle,
            "reach": layout.reach,
            "lump": layout.lump,
            "steep": STEEP * (layout.number >= 0),
            "bins": bins,
            "padding": padding,
            "of": torch.tensor(list(layout.scalars), dtype=torch.long),
        }
        for name, values in told.items():
            self.register_buffer(name, values, persistent=False)

    @in_full
    def forward(self, y: Tensor) -> Tensor:
        own, ranks = y.split(self.sizes, dim=1)
        rank = nn.functional.pad(ranks, (0, 1)).index_select(1, self.number)
        outside = (rank - self.middle).abs() - self.reach
        made = own - self.steep * torch.where(self.lump, outside * outside.abs(), outside.relu().square())
        if not len(self.of):
            return made
        among = made.detach()[:, self.bins].masked_fill(self.padding, -math.inf)
        chosen = self.bins.gather(1, among.argmax(2).T).T  # (n, scalars)
        within = (ranks.index_select(1, self.of) - self.middle[chosen]) / self.reach[chosen].clamp(min=NARROWEST)
        return torch.cat([made, within.clamp(-EDGE, EDGE).atanh()], dim=1)


class TableTranslator(nn.Module):
    """Encoded rows of one mixed table to encoded rows of another: Choices(Placing(L f + MLP(f))), f = [x, 2 ranks - 1].

    source, target: how rows that come, and rows that are made, are laid out. start: (W, b) of L, (places + numbers of
    the target, places + scalars + numbers of the source); None: by chance. The perceptron begins at zero.
    """

    def __init__(
        self,
        source: Places,
        target: Places,
        hidden: Sequence[int] = (64, 64),
        start: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        inputs, outputs = source.width + source.numbers, target.count + target.numbers
        self.ranks, self.map = Ranking(source), VectorTranslator(inputs, outputs, hidden, start)
        self.last = nn.Sequential(Placing(target), Choices(target.parts, target.spans))

    @in_full
    def forward(self, x: Tensor) -> Tensor:
        made: Any = self.last(self.map(torch.cat([x, 2 * self.ranks(x) - 1], dim=1)))
        return made


APART.update({Placing, Ranking, TableTranslator})
