"""A residual generator and critic without normalisation, for any height, width and number of channels.

Both go through the sizes that ``halvings`` gives. At each there are blocks

    x + C3(act(C2(act(C1(x)))))     C1: 1 x 1, twice the channels; C2: 3 x 3 in groups; C3: 1 x 1 back

whose last convolution begins at zero, so that a new network is as easy to train as a shallow one.
Between two sizes images are averaged over 2 x 2 pixels (critic), or interpolated bilinearly (generator).
Source: Huang et al. 2024 (R3GAN): ResNeXt blocks, grouped 3 x 3, no normalisation, LeakyReLU, zero-initialised
ends. Different from it: the size of the start follows the image's, fewer and narrower blocks by
default, and the generator's start is a full linear map.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from sparring.networks.conv import doublings, halvings
from sparring.networks.layers import APART, LEAKY

__all__ = ["ResidualCritic", "ResidualGenerator"]

SMALLEST = 7  # 28 -> 14 -> 7 and 32 -> 16 -> 8 -> 4
GROUP = 16  # channels of one group of a 3 x 3 convolution


class _Block(nn.Module):
    """A residual block (n, c, h, w) to the same shape; at first it changes nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        groups = inner // math.gcd(inner, GROUP)
        self.branch = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            LEAKY(),
            nn.Conv2d(inner, inner, 3, padding=1, groups=groups),
            LEAKY(),
            nn.Conv2d(inner, channels, 1, bias=False),
        )
        last = self.branch[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class _Halve(nn.Module):
    """Means over 2 x 2 pixels; of what an odd side leaves over, over less."""

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


class _Enlarge(nn.Module):
    """Bilinear interpolation to a size."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, size=self.size, mode="bilinear", align_corners=False)


class ResidualGenerator(nn.Module):
    """Latent vectors (n, latent_size) to images (n, c, h, w).

    shape: (c, h, w). width: channels at the image's full size. blocks: residual blocks at each size. last: applied to
    the image.
    """

    def __init__(
        self,
        latent_size: int,
        shape: Sequence[int],
        width: int = 16,
        blocks: int = 1,
        last: nn.Module | None = None,
        smallest: int = SMALLEST,
    ) -> None:
        super().__init__()
        sizes = halvings(shape[1], shape[2], smallest)
        channels = doublings(width, len(sizes))
        self.start = (channels[-1], *sizes[-1])
        self.dense = nn.Linear(latent_size, math.prod(self.start))
        layers: list[nn.Module] = [LEAKY()]
        for level in reversed(range(len(sizes))):
            layers += [_Block(channels[level]) for _ in range(blocks)]
            if level:  # fewer channels first: the larger maps are then cheaper
                layers += [nn.Conv2d(channels[level], channels[level - 1], 1), _Enlarge(sizes[level - 1])]
        layers += [LEAKY(), nn.Conv2d(channels[0], shape[0], 3, padding=1)]
        if last is not None:
            layers.append(last)
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, z: Tensor) -> Tensor:
        maps = self.dense(z).view(-1, *self.start)
        return self.layers(maps.contiguous(memory_format=torch.channels_last))


class ResidualCritic(nn.Module):
    """Images (n, c, h, w) to one unbounded score each, shape (n,), or to (n, outputs)."""

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 16,
        blocks: int = 1,
        smallest: int = SMALLEST,
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        sizes = halvings(shape[1], shape[2], smallest)
        channels = doublings(width, len(sizes))
        layers: list[nn.Module] = [nn.Conv2d(shape[0], channels[0], 3, padding=1)]
        for level in range(len(sizes)):
            layers += [_Block(channels[level]) for _ in range(blocks)]
            if level + 1 < len(sizes):
                layers += [_Halve(), nn.Conv2d(channels[level], channels[level + 1], 1)]
        layers += [LEAKY(), nn.Flatten(), nn.Linear(channels[-1] * math.prod(sizes[-1]), outputs or 1)]
        if outputs is None:
            layers.append(nn.Flatten(0))
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous(memory_format=torch.channels_last))


APART.update({ResidualCritic, ResidualGenerator, _Block, _Halve, _Enlarge})
