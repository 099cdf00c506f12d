"""Networks that make a sample of one side from a sample of the other, and critics that judge images patch by patch."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, pad

from sparring.errors import InputError
from sparring.networks.layers import APART, LEAKY
from sparring.networks.mlp import MLP
from sparring.networks.norms import MapNorm
from sparring.networks.symmetries import Symmetry
from sparring.networks.winograd import WinogradConv2d

__all__ = ["Clamp", "ImageTranslator", "PatchCritic", "VectorTranslator", "WholeScores"]

RELU = partial(nn.ReLU, inplace=True)
LEAKY_IN_PLACE = partial(LEAKY, inplace=True)


class Clamp(nn.Module):
    """Keeps numbers in [-1, 1]; beyond, a tenth of what they exceed it by is left, so that a gradient brings them back.

    Unlike tanh it leaves what lies between as it is, and reaches both ends.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(-1, 1).lerp(x, 0.1)


class VectorTranslator(nn.Module):
    """y = W x + b + r(x): a linear map and what a perceptron adds to it, (n, p) to (n, q).

    start: (W, b) to begin with, (q, p) and (q,); None: an orthogonal map by chance and zeros. r begins at zero.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (64, 64),
        start: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.residual = MLP((inputs,), (outputs,), hidden)
        with torch.no_grad():
            nn.init.orthogonal_(self.linear.weight)
            self.linear.bias.zero_()
            if start is not None:
                self.linear.weight.copy_(start[0])
                self.linear.bias.copy_(start[1])
            for value in self.residual[-1].parameters():
                value.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.residual(x)


class ImageTranslator(nn.Module):
    """Images (n, c, h, w) to images (n, c', h, w) of the same size, whatever it is.

    A convolution, ``halvings`` that halve the image and double the maps, ``blocks`` of two convolutions each beside
    which their input goes on, as many doublings back, and a last convolution. What an image's sides lack to a
    multiple of 2^halvings is padded with its border, and cut off again. Signals are images one pixel high.

    shape, outputs: (c, h, w) and the channels made. width: maps at full size. kernel: of the first and the last
    convolution. norm: "instance" (``MapNorm``), or None. last: applied to what is made. symmetry: the turn or mirroring
    that an image goes through first (see ``Symmetry``); None: none. direct: (W, b), (c', c) and (c',), a linear map of
    each pixel, to which the rest of the network adds, zero at first; None: there is none.
    Source: Johnson et al. 2016, Zhu et al. 2017 (9 blocks, width 64, kernel 7, two halvings for 256 x 256 pixels).
    Different from it: enlarged by interpolation and a convolution, which leaves no chequers.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        width: int = 32,
        blocks: int = 2,
        halvings: int = 0,
        kernel: int = 3,
        norm: str | None = None,
        last: nn.Module | None = None,
        symmetry: Symmetry | None = None,
        direct: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        channels, *size = shape
        if min(blocks, halvings) < 0 or width < 1 or kernel < 1 or kernel % 2 == 0:
            raise InputError(
                f"a translator needs blocks and halvings >= 0, width >= 1 and an odd kernel; got {blocks}, {halvings}, "
                f"{width} and {kernel}"
            )
        flat = tuple(side == 1 for side in size)
        self.multiple = tuple(1 if one else 2**halvings for one in flat)
        self.symmetry = Symmetry() if symmetry is None else symmetry
        convolve = _Convolution(flat, norm)
        layers = convolve(channels, width, kernel)
        for level in range(halvings):
            layers += convolve(width * 2**level, width * 2 ** (level + 1), 3, stride=2)
        layers += [_Residual(convolve, width * 2**halvings) for _ in range(blocks)]
        for level in reversed(range(halvings)):
            # the layer that does nothing keeps the names of weights as they are in saved models
            layers += [nn.Identity(), *convolve.enlarging(width * 2 ** (level + 1), width * 2**level)]
        layers += convolve.plain(width, outputs, kernel)
        self.layers = nn.Sequential(*layers)
        self.last = nn.Identity() if last is None else last
        self.direct = None if direct is None else self._directed(channels, outputs, *direct)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    @torch.no_grad()
    def _directed(self, channels: int, outputs: int, matrix: Tensor, offset: Tensor) -> nn.Module:
        for value in self.layers[-1].parameters():
            value.zero_()
        made = nn.Conv2d(channels, outputs, 1)
        made.weight.copy_(matrix[:, :, None, None])
        assert made.bias is not None
        made.bias.copy_(offset)
        return made

    def forward(self, x: Tensor) -> Tensor:
        return self.redrawn(self.symmetry(x))

    def redrawn(self, x: Tensor) -> Tensor:
        """What is made of images that have gone through the symmetry; of each pixel from its surroundings alone,
        without a norm."""
        h, w = x.shape[2:]
        below, right = (-side % part for side, part in zip((h, w), self.multiple, strict=True))
        if below or right:
            x = pad(x, (0, right, 0, below), mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last)
        made = self.layers(x) if self.direct is None else self.direct(x) + self.layers(x)
        made = self.last(made)
        return made[:, :, :h, :w] if below or right else made


class PatchCritic(nn.Module):
    """Images (n, c, h, w) to a score for each of their overlapping patches, (n, h', w').

    depth: convolutions of kernel 4 that halve the image; then one of kernel 3 and the one that scores. A patch is
    16, 34 or 70 pixels wide at a depth of 1, 2 or 3 in the paper's network, which has kernels of 4 throughout.
    depth 0 judges 5 x 5 pixels. outputs: ignored but None, for the face that other critics have.
    Source: Isola et al. 2017, Zhu et al. 2017 (70 x 70: width 64, depth 3, norm "instance").
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 32,
        depth: int = 2,
        norm: str | None = None,
        activation: Callable[[], nn.Module] = LEAKY_IN_PLACE,
    ) -> None:
        super().__init__()
        if depth < 0 or width < 1:
            raise InputError(f"a critic of patches needs depth >= 0 and width >= 1; got {depth} and {width}")
        channels, *size = shape
        layers: list[nn.Module] = []
        before = channels
        for level in range(depth):
            kernel = tuple(1 if side == 1 else 4 if side % 2 == 0 else 3 for side in size)
            stride = tuple(1 if side == 1 else 2 for side in size)
            padding = tuple(0 if side == 1 else 1 for side in size)
            after = width * min(2**level, 8)
            layers.append(nn.Conv2d(before, after, kernel, stride, padding))  # pyright: ignore[reportArgumentType]
            layers += [*(_norm(norm, after) if level else []), activation()]
            before, size = after, [math.ceil(side / 2) for side in size]
        flat = tuple(side == 1 for side in shape[1:])
        convolve = _Convolution(flat, norm, activation)
        after = width * min(2**depth, 8)
        self.layers = nn.Sequential(*layers, *convolve(before, after, 3), *convolve.plain(after, 1, 3))
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch lists it elsewhere

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.contiguous(memory_format=torch.channels_last))[:, 0]


class WholeScores(nn.Module):
    """A critic's scores (n, ...) as one of each sample, (n,): the mean over its patches."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, x: Tensor) -> Tensor:
        found = self.critic(x)
        return found.flatten(1).mean(1) if found.dim() > 1 else found


def _norm(norm: str | None, channels: int) -> list[nn.Module]:
    if norm not in (None, "instance"):
        raise InputError(f"norm must be None or 'instance'; got {norm!r}")
    return [] if norm is None else [MapNorm(channels)]


class _Convolution:
    """Makes convolutions that keep an image's size (or halve it): along the sides that are longer than a pixel."""

    def __init__(self, flat: Sequence[bool], norm: str | None, activation: Callable[[], nn.Module] = RELU) -> None:
        self.flat, self.norm, self.activation = tuple(flat), norm, activation

    def plain(self, before: int, after: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        kernels, strides, paddings = (
            tuple(one if flat else value for flat in self.flat)
            for one, value in ((1, kernel), (1, stride), (0, kernel // 2))
        )
        if (*kernels, *strides) == (3, 3, 1, 1):
            return [WinogradConv2d(before, after)]
        made: Any = nn.Conv2d(before, after, kernels, strides, paddings)  # pyright: ignore[reportArgumentType]
        return [made]

    def __call__(self, before: int, after: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        """The same with a norm, if there is one, and an activation."""
        return [*self.plain(before, after, kernel, stride), *_norm(self.norm, after), self.activation()]

    def enlarging(self, before: int, after: int) -> list[nn.Module]:
        """The same with a kernel of 3, of an image that is made twice as large first."""
        kernel, padding = (tuple(one if flat else value for flat in self.flat) for one, value in ((1, 3), (0, 1)))
        made: Any = _Enlarging(before, after, kernel, padding=padding)  # pyright: ignore[reportArgumentType]
        return [made, *_norm(self.norm, after), self.activation()]


class _Residual(nn.Module):
    """x + C2(act(C1(x))), of the same shape."""

    def __init__(self, convolve: _Convolution, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *convolve(channels, channels, 3), *convolve.plain(channels, channels, 3), *_norm(convolve.norm, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x).add_(x)


class _Enlarging(nn.Conv2d):
    """Twice as large by the nearest pixel, and then convolved: (n, c, h, w) to (n, c', 2h, 2w); flat sides stay.

    Of a kernel of 3, the pixels of an output see two different inputs along a side. So both steps are one transposed
    convolution of stride 2, with a kernel of 4 whose weights are sums of neighbours: 4 products instead of 9, and no
    large maps between.
    """

    def forward(self, input: Tensor) -> Tensor:
        weight, stride, padding = self.weight.transpose(0, 1).flip(2, 3), [1, 1], [0, 0]
        for dim, kernel in enumerate(self.kernel_size):
            if kernel > 1:
                before, after = ((0, 0, 1, 0), (0, 0, 0, 1)) if dim == 0 else ((1, 0), (0, 1))
                weight = pad(weight, before) + pad(weight, after)
                stride[dim], padding[dim] = 2, 1
        return conv_transpose2d(input, weight, self.bias, stride, padding)


APART.update({Clamp, ImageTranslator, PatchCritic, VectorTranslator, _Enlarging, _Residual})
