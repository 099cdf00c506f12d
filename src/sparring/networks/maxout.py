"""Maxout: each unit is the largest of several linear functions, so the network learns its own activations."""

from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Maxout"]


class Maxout(nn.Module):
    """Vectors (n, inputs) to (n, outputs): y_i = max_j (w_ij x + b_ij) over ``pieces`` values of j.

    Source: Goodfellow et al. 2013, eq. 1; the discriminators of Goodfellow et al. 2014.

    >>> import torch
    >>> Maxout(4, 3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, inputs: int, outputs: int, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


APART.add(Maxout)
