"""A perceptron whose layers keep what they were given beside what they make."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Skipping"]

NORMS = {None: lambda size: nn.Identity(), "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Skipping(nn.Module):
    """h(l) = [relu(norm(W(l) h(l-1) + b(l))), h(l-1)] for every hidden layer, and a linear last layer over all of them.

    (n, inputs) to (n, outputs). norm: None, "batch" or "layer".
    Source: Xu et al. 2019 (CTGAN), section 4.4, for its generator.

    >>> Skipping(3, 5, (16, 16))(torch.zeros(4, 3)).shape
    torch.Size([4, 5])
    """

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int], norm: str | None = None) -> None:
        super().__init__()
        sizes = [inputs]
        self.layers = nn.ModuleList()
        for size in hidden:
            self.layers.append(nn.Sequential(nn.Linear(sum(sizes), size), NORMS[norm](size), nn.ReLU()))
            sizes.append(size)
        self.last = nn.Linear(sum(sizes), outputs)

    def forward(self, x: Tensor) -> Tensor:
        kept = [x]  # newest first
        for layer in self.layers:
            assert isinstance(layer, nn.Sequential)
            kept.insert(0, layer[1:](_joined(layer[0], kept)))
        with torch.autocast(x.device.type, enabled=False):  # choices between close numbers need all their digits
            parts = [part.to(self.last.weight.dtype) for part in kept]
            return _joined_on_its_side(self.last, parts)


def _joined(linear: nn.Module, parts: Sequence[Tensor]) -> Tensor:
    """linear(the parts side by side), without laying them so, and without a gradient for parts that need none."""
    assert isinstance(linear, nn.Linear)
    weights = linear.weight.split([part.shape[1] for part in parts], dim=1)
    made = nn.functional.linear(parts[0], weights[0], linear.bias)
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        made = torch.addmm(made, part, weight.T)
    return made


def _joined_on_its_side(linear: nn.Linear, parts: Sequence[Tensor]) -> Tensor:
    """The same numbers, those of one output beside each other in memory, as ``Choices`` wants them.

    In one product where nothing is learned, which is quicker; gradients for parts that need none are dearer.
    """
    made = linear.bias[:, None]
    if not torch.is_grad_enabled():
        return torch.addmm(made, linear.weight, torch.cat([*parts], 1).T).T
    for part, weight in zip(parts, linear.weight.split([part.shape[1] for part in parts], dim=1), strict=True):
        made = torch.addmm(made, weight, part.T)
    return made.T


APART.update({Skipping, nn.ModuleList, nn.Identity})
