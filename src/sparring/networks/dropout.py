"""Dropout whose random numbers come from the run that trains the network, not from torch's global state."""

import torch
from torch import Tensor, nn

from sparring.chance import ambient_generator
from sparring.errors import InputError

__all__ = ["Dropout", "adopted", "dropout_mask"]


class Dropout(nn.Dropout):
    """Zeroes each value with the probability p while training, and divides the others by 1 - p.

    x of any shape, to the same shape. In a block of ``Chance.ambient``, as all training is, the values are chosen by
    the run's own generator, and the numbers are those that torch's layer would give from the same state; elsewhere it
    is torch's layer.
    Source: Srivastava et al. 2014; the lecture, "dropout".
    """

    def forward(self, input: Tensor) -> Tensor:
        generator = ambient_generator(input.device)
        if generator is None or not self.training or not 0 < self.p < 1:
            return super().forward(input)
        if torch._C._current_graph_task_id() != -1:  # a pass within backward
            raise InputError(
                "a network that computes its layers again in the backward pass (torch.utils.checkpoint) would drop out "
                "other values there than before; leave out its dropout, or compute nothing twice."
            )
        mask = dropout_mask(input, self.p, generator)
        return input.mul_(mask) if self.inplace else input * mask


def dropout_mask(like: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """What dropout multiplies values with: 0 with the probability p, else 1 / (1 - p). like: of the same shape."""
    return torch.empty_like(like).bernoulli_(1 - p, generator=generator).div_(1 - p)


def adopted(network: nn.Module) -> nn.Module:
    """A user's network, made ready for our training in place: float32, its dropout from the run's own generator.

    Layers derived from torch's dropout, which may do otherwise, stay as they are.
    """
    if not isinstance(network, nn.Module):  # what the user's factory made is refused where it is tried
        return network
    for module in network.modules():
        if type(module) is nn.Dropout:
            module.__class__ = Dropout
    return network.float()
