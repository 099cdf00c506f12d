"""The multilayer perceptron: y(l) = sigma_l(W(l) y(l-1) + b(l))."""

import itertools
import math
from collections.abc import Callable, Sequence

from torch import nn

from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART

__all__ = ["MLP"]


class MLP(nn.Sequential):
    """Fully connected layers from samples of one shape to samples of another.

    y(l) = sigma(W(l) y(l-1) + b(l)) for every hidden layer, and a linear last layer, followed
    by ``last`` if it is given. Inputs (n, *inputs), outputs (n, *outputs); outputs=() gives one
    number per sample, shape (n,).

    hidden: the sizes of the hidden layers, none for a linear map. activation: makes sigma. dropout:
    the share of each hidden layer's outputs that is left out while training (the rest is scaled up).
    Source: the lecture's "architecture of neural networks"; Srivastava et al. 2014 for dropout.

    >>> import torch
    >>> MLP((2,), (), hidden=(16,))(torch.zeros(5, 2)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        hidden: Sequence[int] = (64, 64, 64),
        activation: Callable[[], nn.Module] = nn.ReLU,
        last: nn.Module | None = None,
        dropout: float = 0.0,
    ) -> None:
        sizes = [math.prod(inputs), *hidden, math.prod(outputs)]
        layers: list[nn.Module] = [nn.Flatten()] if len(inputs) > 1 else []
        for before, after in itertools.pairwise(sizes[:-1]):
            layers += [nn.Linear(before, after), activation(), *([Dropout(dropout)] if dropout else [])]
        layers.append(nn.Linear(sizes[-2], sizes[-1]))
        if last is not None:
            layers.append(last)
        if len(outputs) == 0:
            layers.append(nn.Flatten(0))
        elif len(outputs) > 1:
            layers.append(nn.Unflatten(1, tuple(outputs)))
        super().__init__(*layers)


APART.add(MLP)
