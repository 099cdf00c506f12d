"""Rows of a mixed table made from rows of another: numbers go by their ranks, labels by their places."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.networks.choices import Choices
from sparring.networks.layers import APART
from sparring.networks.mlp import MLP

__all__ = ["Places", "Placing", "Ranking", "TableTranslator"]

EDGE = 0.999  # of a bin from -1 to 1: tanh does not reach its ends
STEEP = 100.0  # how fast a place's number falls with the distance of a rank from it: by half a place of its part at 0.05


class Places(nn.Module):
    """How a row is laid out: parts of places, one-hot, and then scalars.

    parts: how many places each has. spans: for each scalar the places (start, end) of the bins that it is in.
    number: (places,), which number each place tells, -1 for labels. middle, reach: (places,): it covers the ranks
    from middle - reach to middle + reach. lump: (places,), whether it is a single value. scalars: of which number each scalar is.
    """

    number: Tensor
    middle: Tensor
    reach: Tensor
    lump: Tensor

    def __init__(
        self,
        parts: Sequence[int],
        spans: Sequence[tuple[int, int]],
        number: Tensor,
        middle: Tensor,
        reach: Tensor,
        lump: Tensor,
        scalars: Sequence[int],
    ) -> None:
        super().__init__()
        self.parts, self.spans, self.scalars = tuple(parts), tuple(spans), tuple(scalars)
        self.count = int(number.max()) + 1 if len(number) else 0
        told = {"number": torch.where(number < 0, self.count, number), "middle": middle, "reach": reach, "lump": lump}
        for name, values in told.items():
            self.register_buffer(name, values, persistent=False)

    @property
    def places(self) -> int:
        return sum(self.parts)

    @property
    def width(self) -> int:
        return self.places + len(self.scalars)


class Ranking(Places):
    """Encoded rows (n, places + scalars) to the ranks of their numbers, (n, numbers), in [0, 1]; 1/2 where one is missing.

    In a bin that covers the ranks from m - h to m + h, a scalar s stands for m + h s.
    """

    onto: Tensor
    within: Tensor

    def __init__(self, *layout: object) -> None:
        super().__init__(*layout)  # type: ignore[arg-type]
        onto = torch.zeros(self.places, self.count + 1)
        onto[torch.arange(self.places), self.number] = self.middle - 0.5
        self.register_buffer("onto", onto[:, :-1], persistent=False)
        within = torch.zeros(self.places, len(self.scalars))
        for i, (start, end) in enumerate(self.spans):
            within[start:end, i] = self.reach[start:end]
        self.register_buffer("within", within, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        places, scalars = x.split([self.places, len(self.scalars)], dim=1)
        ranks = 0.5 + places @ self.onto
        if not self.scalars:
            return ranks
        beside = scalars * (places @ self.within)
        return ranks.index_add(1, torch.tensor(self.scalars, device=x.device), beside)


class Placing(Places):
    """Numbers (n, places + numbers) to what ``Choices`` takes, (n, places + scalars).

    Of each number comes its rank r, and of each place one number more, y. A place of a number that covers the ranks
    m - h to m + h gets y - 100 max(d, 0)^2 with d = |r - m| - h, how far r is outside, so that the place that r is in
    is chosen unless y says otherwise; a single value that lies among bins gets y - 100 d |d|. A scalar is (r - m) / h in
    its bin. Labels get y alone.
    """

    bins: Tensor
    inside: Tensor
    of: Tensor

    def __init__(self, *layout: object) -> None:
        super().__init__(*layout)  # type: ignore[arg-type]
        widest = max((end - start for start, end in self.spans), default=0)
        bins = torch.zeros(len(self.spans), widest, dtype=torch.long)
        inside = torch.zeros(len(self.spans), widest, dtype=torch.bool)
        for i, (start, end) in enumerate(self.spans):
            bins[i, : end - start], inside[i, : end - start] = torch.arange(start, end), True
        self.register_buffer("bins", bins, persistent=False)
        self.register_buffer("inside", inside, persistent=False)
        self.register_buffer("of", torch.tensor(self.scalars, dtype=torch.long), persistent=False)

    def forward(self, y: Tensor) -> Tensor:
        own, ranks = y.split([self.places, self.count], dim=1)
        if not self.count:
            return own
        rank = nn.functional.pad(ranks, (0, 1))[:, self.number]
        outside = (rank - self.middle).abs() - self.reach
        away = torch.where(self.lump, outside * outside.abs(), outside.relu().square())
        made = own - STEEP * away * (self.number < self.count)
        if not self.scalars:
            return made
        among = made[:, self.bins].masked_fill(~self.inside, -math.inf)
        chosen = self.bins.gather(1, among.argmax(2).T).T  # (n, scalars)
        within = (ranks[:, self.of] - self.middle[chosen]) / self.reach[chosen].clamp(min=1e-6)
        return torch.cat([made, within.clamp(-EDGE, EDGE).atanh()], dim=1)


class TableTranslator(nn.Module):
    """Encoded rows of one mixed table to encoded rows of another: Choices(Placing(L f + MLP(f))), f = [x, 2 ranks - 1].

    ranks: of the rows that come. placing: of the rows that are made. start: (W, b) of L; the perceptron begins at zero.
    ``numbers`` are what Choices chooses by: logits of places, and scalars before their tanh.
    """

    def __init__(
        self,
        ranks: Ranking,
        placing: Placing,
        hidden: Sequence[int] = (64, 64),
        start: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.ranks, self.placing = ranks, placing
        inputs, outputs = ranks.width + ranks.count, placing.places + placing.count
        self.linear = nn.Linear(inputs, outputs)
        self.residual = MLP((inputs,), (outputs,), hidden)
        self.choices = Choices(placing.parts, placing.spans)
        with torch.no_grad():
            if start is not None:
                self.linear.weight.copy_(start[0])
                self.linear.bias.copy_(start[1])
            for value in self.residual[-1].parameters():
                value.zero_()

    def numbers(self, x: Tensor) -> Tensor:
        f = torch.cat([x, 2 * self.ranks(x) - 1], dim=1)
        with torch.autocast(x.device.type, enabled=False):  # choices between close numbers need all their digits
            return self.placing(self.linear(f.float()) + self.residual(f.float()))

    def forward(self, x: Tensor) -> Tensor:
        return self.choices(self.numbers(x))


APART.update({Placing, Ranking, TableTranslator})
