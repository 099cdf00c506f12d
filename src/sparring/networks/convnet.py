"""A convolutional network with max pooling, from images of any size to outputs."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks.dropout import Dropout
from sparring.networks.layers import APART

__all__ = ["ConvNet"]

SMALLEST = 4  # pixels of the longer side at which pooling ends: 28 -> 14 -> 7 -> 3, 32 -> 16 -> 8 -> 4
STAGES = 2  # at least


class ConvNet(nn.Module):
    """Images (n, c, h, w) to outputs (n, *outputs).

    Two or more stages of 3 x 3 convolutions, each ended by max pooling that halves the image, until its
    longer side is at most 4 pixels; then a linear layer over what is left. The first stage has one convolution of
    ``width`` filters, the second two of twice as many, any further one. For 28 x 28 grey images and ten
    classes that is 98,666 weights.

    shape: (c, h, w), sides of 1 and more. outputs: () gives one number per sample. norm: "batch"
    normalises every map over batch and pixels while training, and by running averages afterwards, so that
    a prediction does not depend on batch mates; None leaves it out. dropout: the share of the last
    maps' values left out while training.
    Source: the lecture, "convolutional neural networks"; Ioffe & Szegedy 2015 for the normalisation.

    >>> ConvNet((1, 28, 28), (10,))(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: Sequence[int],
        width: int = 32,
        norm: str | None = "batch",
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if norm not in (None, "batch"):
            raise InputError(f"norm must be None or 'batch'; got {norm!r}")
        channels, *size = shape
        stages: list[nn.Module] = []
        stage = 0
        while max(size) > SMALLEST or stage < STAGES:
            after = 2 * width if stage else width
            for _ in range(2 if stage == 1 else 1):
                stages += _convolution(channels, after, norm, activation)
                channels = after
            window = tuple(2 if side > 1 else 1 for side in size)  # a side of one pixel has nothing to pool
            stages.append(nn.MaxPool2d(window))
            size = [side // part for side, part in zip(size, window, strict=True)]
            stage += 1
        last = [nn.Flatten(), *([Dropout(dropout)] if dropout else [])]
        last.append(nn.Linear(channels * math.prod(size), math.prod(outputs)))
        if len(outputs) == 0:
            last.append(nn.Flatten(0))
        elif len(outputs) > 1:
            last.append(nn.Unflatten(1, tuple(outputs)))
        self.layers = nn.Sequential(*stages, *last)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous(memory_format=torch.channels_last))


def _convolution(before: int, after: int, norm: str | None, activation: Callable[[], nn.Module]) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=norm is None)  # a norm has a bias of its own
    return [convolution, *([nn.BatchNorm2d(after)] if norm else []), activation()]


APART.add(ConvNet)
