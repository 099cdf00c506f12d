"""Looking at a network at work, and leaving it as it was."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

__all__ = ["evaluating", "hearing"]


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Run a block with networks in evaluation mode, and put each module's own mode back."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def hearing(layers: Iterable[tuple[str, nn.Module]], note: Callable[[str, nn.Module, Any], None]) -> Iterator[None]:
    """Run a block in which ``note(name, layer, output)`` is told of every pass through one of the named layers."""

    def noter(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda layer, _inputs, output: note(name, layer, output)

    hooks = [layer.register_forward_hook(noter(name)) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
