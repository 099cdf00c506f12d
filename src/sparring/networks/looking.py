"""Looking at a network at work, and leaving it as it was."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

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
    """Run a block in which ``note(name, layer, output)`` is told of every pass through one of the named layers.

    The network goes on with a copy of the output: a layer that works in place does not change what was heard.
    """

    own = threading.get_ident()  # another thread may use the same network meanwhile

    def noter(name: str) -> Callable[[nn.Module, Any, Any], Any]:
        def heard(layer: nn.Module, _inputs: Any, output: Any) -> Any:
            if threading.get_ident() != own:
                return output
            note(name, layer, output)
            return output.clone() if isinstance(output, Tensor) else output

        return heard

    hooks = [layer.register_forward_hook(noter(name)) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
