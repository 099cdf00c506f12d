"""Units of a network at work: which give nothing but zero."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["dead_shares"]


def dead_shares(network: nn.Module, x: Tensor) -> tuple[tuple[str, float], ...]:
    """(layer, share of its units that are zero for every row) for every ReLU, first layer first.

    Such a unit says nothing of these rows, and its weights hear nothing of their error. x: rows (n, ...), enough that a
    living unit is met. Filters count as one unit. The network is looked at in evaluation mode, and left in the mode
    it was in.
    """
    found: list[tuple[str, float]] = []

    def noter(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _layer, _inputs, out: found.append((name, _dead(out)))

    hooks = [
        module.register_forward_hook(noter(name)) for name, module in network.named_modules() if type(module) is nn.ReLU
    ]
    modes = [(module, module.training) for module in network.modules()]
    try:
        with torch.inference_mode():
            network.eval()(x)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return tuple(found)


def _dead(out: Tensor) -> float:
    others = [i for i in range(out.dim()) if i != 1]
    return float((out.abs().amax(dim=others) == 0).float().mean())
