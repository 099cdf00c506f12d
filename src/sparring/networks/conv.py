"""Convolutional generator and critic after DCGAN, for any height, width and number of channels.

The critic halves an image, rounding up, until its longer side is at most ``smallest`` pixels;
the generator goes the same way back. A kernel of 4 halves an even side and a kernel of 3 an odd
one, both with stride 2 and padding 1, so the two ways mirror each other and nothing is cropped.
Source: Radford, Metz & Chintala 2016. Different from it: no batch normalisation unless asked for,
because it makes samples depend on their batch mates (and a gradient penalty meaningless).
Weights and maps lie channels-last in memory, which convolves about a tenth faster on processors.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks.layers import APART, LEAKY

__all__ = ["ConvCritic", "ConvGenerator", "doublings", "halvings"]

SMALLEST = 7  # 28 -> 14 -> 7 and 32 -> 16 -> 8 -> 4


def halvings(height: int, width: int, smallest: int) -> list[tuple[int, int]]:
    """The image's size and its repeated halves, largest first; at least one halving."""
    sizes = [(height, width)]
    while max(sizes[-1]) > smallest or len(sizes) < 2:
        sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
    return sizes


def _kernel(size: tuple[int, int]) -> tuple[int, int]:
    """The kernel between a size and its half."""
    return (4 if size[0] % 2 == 0 else 3, 4 if size[1] % 2 == 0 else 3)


def doublings(width: int, levels: int) -> list[int]:
    """Feature maps at each halved size: doubling, at most eightfold."""
    return [width * min(2**level, 8) for level in range(levels)]


def _norm(norm: str | None, channels: int) -> list[nn.Module]:
    if norm not in (None, "batch", "layer"):
        raise InputError(f"norm must be None, 'batch' or 'layer'; got {norm!r}")
    if norm is None:
        return []
    # one group of all channels is the layer normalisation of maps
    return [nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(1, channels)]


class ConvGenerator(nn.Module):
    """Latent vectors (n, latent_size) to images (n, c, h, w).

    shape: (c, h, w). width: feature maps of the last hidden layer. last: applied to the image.
    norm: None, "batch" as in the paper, or "layer" (over all maps of one sample).
    """

    def __init__(
        self,
        latent_size: int,
        shape: Sequence[int],
        width: int = 32,
        norm: str | None = None,
        last: nn.Module | None = None,
        smallest: int = SMALLEST,
    ) -> None:
        super().__init__()
        sizes = halvings(shape[1], shape[2], smallest)
        channels = doublings(width, len(sizes) - 1)
        self.start = (channels[-1], *sizes[-1])
        self.dense = nn.Linear(latent_size, math.prod(self.start))
        layers: list[nn.Module] = [*_norm(norm, channels[-1]), nn.ReLU()]
        for level in reversed(range(len(channels))):
            out = channels[level - 1] if level else shape[0]
            layers.append(nn.ConvTranspose2d(channels[level], out, _kernel(sizes[level]), stride=2, padding=1))
            if level:
                layers += [*_norm(norm, out), nn.ReLU()]
        if last is not None:
            layers.append(last)
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, z: Tensor) -> Tensor:
        maps = self.dense(z).view(-1, *self.start)
        return self.layers(maps.contiguous(memory_format=torch.channels_last))


class ConvCritic(nn.Module):
    """Images (n, c, h, w) to one unbounded score each, shape (n,), or to (n, outputs).

    The arguments are ConvGenerator's; activation: makes the one between layers.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 32,
        norm: str | None = None,
        activation: Callable[[], nn.Module] = LEAKY,
        smallest: int = SMALLEST,
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        sizes = halvings(shape[1], shape[2], smallest)
        channels = [shape[0], *doublings(width, len(sizes) - 1)]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(itertools.pairwise(channels)):
            layers.append(nn.Conv2d(before, after, _kernel(sizes[level]), stride=2, padding=1))
            layers += [*(_norm(norm, after) if level else []), activation()]
        layers += [nn.Flatten(), nn.Linear(channels[-1] * math.prod(sizes[-1]), outputs or 1)]
        if outputs is None:
            layers.append(nn.Flatten(0))
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous(memory_format=torch.channels_last))


APART.update({ConvCritic, ConvGenerator})
