"""How far back an error is heard: by the weights of early layers, and by early steps of a sequence."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sparring.networks import evaluating, hearing

__all__ = ["heard_in_time", "layer_pulls"]


def layer_pulls(
    network: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> tuple[tuple[str, float], ...]:
    """(layer, its pull) for every linear and convolutional layer that learns and is heard, first used first.

    The pull is |W| |dC / dW|, with Frobenius norms: how much the error changes, to first order, for a change of the
    layer's weights that is large in proportion to them. It is of one size in layers of any width, whatever the number
    of places at which a filter is applied: where units are positively homogeneous (ReLU) and there are no biases,
    <W, dC / dW> is the same number in all layers (Du et al. 2018, "Algorithmic regularization in learning deep
    homogeneous models", section 2). Where it falls by factors towards the first layer, that layer can learn little.
    The network is looked at in evaluation mode, and left in the mode it was in.
    """
    kinds = nn.Linear | nn.modules.conv._ConvNd
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]
    used: dict[str, list[nn.Parameter]] = {}

    def note(name: str, module: nn.Module, _: Any) -> None:
        used.setdefault(name, [p for p in module.parameters() if p.dim() > 1 and p.requires_grad])

    with hearing(layers, note), evaluating(network), torch.enable_grad():
        cost = loss(network(x), y)
        weights = [weight for several in used.values() for weight in several]
        slopes = iter(torch.autograd.grad(cost, weights, allow_unused=True) if weights else ())
    found = []
    for name, several in used.items():
        heard = [(w.detach(), slope) for w in several if (slope := next(slopes)) is not None]
        if heard:
            pulls = torch.stack([w.float().norm() * slope.float().norm() for w, slope in heard])
            found.append((name, float(pulls.sum())))
    return tuple(found)


def heard_in_time(gradient: Tensor, lengths: Tensor) -> tuple[tuple[int, float], ...]:
    """(k, what steps k to 2 k - 1 before the end hear) for k = 0, 1, 2, 4, ... up to the longest row.

    For each row, the root mean square of dC / dx(t) over such steps, as a share of the largest of these means of that
    row; then their mean over the rows that are that long. So it does not matter which rows are still hard, nor which
    steps a largest value over time was found at. Rows that hear nothing at all are left out.
    gradient: dC / dx(t), (n, t, numbers), as ``input_gradient`` gives it. lengths: (n,).
    """
    squares = gradient.square().flatten(2).mean(2)
    place = torch.arange(squares.shape[1], device=squares.device)
    back = lengths.to(squares.device)[:, None] - 1 - place  # steps before the row's end; negative in its padding
    starts = [0, *(2**i for i in range((int(lengths.max()) - 1).bit_length()))]
    means, there = [], []
    for k in starts:
        inside = (back >= k) & (back < max(2 * k, 1))
        count = inside.sum(1)
        means.append(((squares * inside).sum(1) / count.clamp(min=1)).sqrt())
        there.append(count > 0)
    sizes, long = torch.stack(means, 1).double(), torch.stack(there, 1)
    most = sizes.amax(1, keepdim=True)
    long &= most > 0
    shares = torch.where(long, sizes / most.clamp(min=torch.finfo(torch.float64).tiny), 0.0).sum(0)
    count = long.sum(0)
    return tuple((k, float(s / n)) for k, s, n in zip(starts, shares, count, strict=True) if n)
