"""Units of a network at work: which give nothing but zero."""

import torch
from torch import Tensor, nn

from sparring.networks.looking import evaluating, hearing

__all__ = ["dead_shares"]


def dead_shares(network: nn.Module, x: Tensor) -> tuple[tuple[str, float], ...]:
    """(layer, share of its units that are zero for every row) for every ReLU, first layer first.

    Such a unit says nothing of these rows, and its weights hear nothing of their error. x: rows (n, ...), enough that a
    living unit is met. Filters count as one unit. The network is looked at in evaluation mode, and left in the mode
    it was in.
    """
    found: list[tuple[str, float]] = []
    relus = [(name, module) for name, module in network.named_modules() if type(module) is nn.ReLU]
    with hearing(relus, lambda name, _, out: found.append((name, _dead(out)))), evaluating(network):
        with torch.inference_mode():
            network(x)
    return tuple(found)


def _dead(out: Tensor) -> float:
    others = [i for i in range(out.dim()) if i != 1]
    return float((out.abs().amax(dim=others) == 0).float().mean())
