"""The signs of some of a network's inputs: noise that makes choices."""

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Signs"]


class Signs(nn.Module):
    """Vectors (n, inputs) to the same, with -1 or 1 for the first ``count`` numbers.

    A continuous function of connected noise has connected samples: between two modes of the data it must make
    samples that are of neither. Of signs a generator can make separate pieces.
    Source for the need: Khayatkhoei et al. 2018, section 2, who use several generators; the remedy is ours.

    >>> Signs(2)(torch.tensor([[0.3, -2.0, 0.5]])).tolist()
    [[1.0, -1.0, 0.5]]
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        seen = x[:, : self.count]
        choices = torch.copysign(torch.ones_like(seen), seen)
        return torch.cat([choices, x[:, self.count :]], 1)

    def extra_repr(self) -> str:
        return f"{self.count}"


APART.add(Signs)
