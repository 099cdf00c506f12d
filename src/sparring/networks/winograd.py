"""Convolutions of 3 x 3 pixels with 4 products a pixel and channel instead of 9."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from sparring.networks.layers import APART
from sparring.precision import in_full

__all__ = ["WinogradConv2d"]

# Sizes from which it is faster; below, adding up takes longer than the products that are saved (benchmarks/RESULTS.md).
WIDE, MANY = 64, 8192  # for gradients: channels, and channels times tiles
WIDER, MORE = 192, 32768  # for the maps themselves
KERNEL = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G
SIDES = torch.kron(KERNEL, KERNEL)  # G along both sides at once, (16, 9)


class WinogradConv2d(nn.Conv2d):
    """``nn.Conv2d`` with a kernel of 3 and a padding of 1, faster on processors where there are many channels.

    Y = A^T [(G g G^T) * (B^T d B)] A of each 2 x 2 pixels Y, which see the 4 x 4 pixels d: 16 products instead of 36.
    The same function up to rounding. Gradients gain by it first, and are taken so of smaller maps already; where it is
    no gain (on a GPU, of few channels, in bfloat16) and for second derivatives it is torch's own convolution.
    Source: Lavin & Gray 2016 ("Fast algorithms for convolutional neural networks"), F(2 x 2, 3 x 3).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        if not self._pays(input):
            return super().forward(input)
        assert self.bias is not None
        return _Convolved.apply(input, self.weight, self.bias)

    def _pays(self, x: Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and _has(WIDE, MANY, x, self.weight)
        )


class _Convolved(torch.autograd.Function):
    """Tiles of 2 x 2 pixels; maps lie channels last, (n, h, w, c), where the numbers of a pixel are side by side."""

    @staticmethod
    @in_full
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        if not _has(WIDER, MORE, x, weight):
            return conv2d(x, weight, bias, padding=1)
        products = torch.bmm(_read(x), _turned(weight).transpose(1, 2))
        products[5] += bias  # the place of the sixteen that each pixel of a tile is given once
        return _written(products, x.shape)

    @staticmethod
    @in_full
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # for second derivatives
            return torch.ops.aten.convolution_backward(
                grads[0], x, weight, [len(weight)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, ctx.needs_input_grad
            )
        of_x = of_weight = None
        of_products = _read_written(grads[0])
        if ctx.needs_input_grad[0]:
            of_x = _written_read(torch.bmm(of_products, _turned(weight)), x.shape)
        if ctx.needs_input_grad[1]:
            of_weight = _turned_back(torch.bmm(of_products.transpose(1, 2), _read(x)), weight.shape)
        return of_x, of_weight, of_products[5].sum(0)


def _has(wide: int, many: int, x: Tensor, weight: Tensor) -> bool:
    """Whether there are so many channels, on both sides of a convolution, and so many of them times tiles."""
    channels = min(weight.shape[:2])
    down, across = _tiles(x.shape)
    return channels >= wide and channels * len(x) * down * across >= many


def _turned(weight: Tensor) -> Tensor:
    """G g G^T: (k, c, 3, 3) to (16, k, c)."""
    k, c = weight.shape[:2]
    return (SIDES.to(weight.dtype) @ weight.permute(2, 3, 0, 1).reshape(9, k * c)).view(16, k, c)


def _turned_back(grad: Tensor, shape: torch.Size) -> Tensor:
    k, c = shape[:2]
    return (SIDES.to(grad.dtype).T @ grad.view(16, k * c)).view(3, 3, k, c).permute(2, 3, 0, 1)


def _tiles(shape: torch.Size) -> tuple[int, int]:
    """Tiles along both sides of maps (n, c, h, w); an odd side's last is cut."""
    return (shape[2] + 1) // 2, (shape[3] + 1) // 2


def _read(x: Tensor) -> Tensor:
    """B^T d B of each tile's surroundings d: (n, c, h, w) to (16, tiles, c)."""
    n, c, h, w = x.shape
    down, across = _tiles(x.shape)
    padded = x.new_zeros(n, 2 * down + 2, 2 * across + 2, c)
    padded[:, 1 : h + 1, 1 : w + 1] = x.permute(0, 2, 3, 1)
    rows, found = x.new_empty(4, n, down, 2 * across + 2, c), x.new_empty(4, 4, n, down, across, c)
    _windows(padded, -3, rows.unbind(0))
    _windows(rows, -2, found.unbind(1))
    return found.view(16, -1, c)


def _written(products: Tensor, shape: torch.Size) -> Tensor:
    """A^T m A of each tile's products m: (16, tiles, k) to (n, k, h, w)."""
    n, _, h, w = shape
    (down, across), k = _tiles(shape), products.shape[-1]
    rows, found = products.new_empty(4, n, down, 2 * across, k), products.new_empty(n, 2 * down, 2 * across, k)
    _pixels(products.view(4, 4, n, down, across, k).unbind(1), -2, rows)
    _pixels(rows.unbind(0), -3, found)
    return found[:, :h, :w].permute(0, 3, 1, 2)


def _read_written(grad: Tensor) -> Tensor:
    """The gradient of the products, of that of ``_written``."""
    n, k, h, w = grad.shape
    down, across = _tiles(grad.shape)
    whole = grad.permute(0, 2, 3, 1)
    if h % 2 or w % 2:
        whole = grad.new_zeros(n, 2 * down, 2 * across, k)
        whole[:, :h, :w] = grad.permute(0, 2, 3, 1)
    rows, found = grad.new_empty(4, n, down, 2 * across, k), grad.new_empty(4, 4, n, down, across, k)
    _pixels_back(whole, -3, rows.unbind(0))
    _pixels_back(rows, -2, found.unbind(1))
    return found.view(16, -1, k)


def _written_read(grad: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of maps, of that of what ``_read`` makes of them."""
    n, c, h, w = shape
    down, across = _tiles(shape)
    rows, found = grad.new_empty(4, n, down, 2 * across, c), grad.new_empty(n, 2 * down, 2 * across, c)
    _windows_back(grad.view(4, 4, n, down, across, c).unbind(1), -2, rows)
    _windows_back(rows.unbind(0), -3, found)
    return found[:, :h, :w].permute(0, 3, 1, 2)


# -- along one side of the maps


def _halves(pixels: Tensor, side: int) -> tuple[Tensor, ...]:
    """Those at even places and those at odd places."""
    return pixels.unflatten(side, (-1, 2)).unbind(side)


def _windows(pixels: Tensor, side: int, out: Sequence[Tensor]) -> None:
    """B^T: of each window of 4 pixels, every second of them a window's first, 4 sums."""
    even, odd = _halves(pixels, side)
    count = even.shape[side] - 1
    first, second, third, fourth = (
        part.narrow(side, start, count) for start, part in ((0, even), (0, odd), (1, even), (1, odd))
    )
    torch.sub(first, third, out=out[0])
    torch.add(second, third, out=out[1])
    torch.sub(third, second, out=out[2])
    torch.sub(second, fourth, out=out[3])


def _windows_back(sums: Sequence[Tensor], side: int, out: Tensor) -> None:
    """B, added up where windows overlap; the border, which was padding, is left out, so a window's second is even."""
    even, odd = _halves(out, side)
    more = even.shape[side] - 1
    torch.sub(sums[1], sums[2], out=even).add_(sums[3])
    even.narrow(side, 1, more).sub_(sums[3].narrow(side, 0, more))
    torch.add(sums[1], sums[2], out=odd).sub_(sums[0])
    odd.narrow(side, 0, more).add_(sums[0].narrow(side, 1, more))


def _pixels(sums: Sequence[Tensor], side: int, out: Tensor) -> None:
    """A^T: of 4 sums, 2 pixels."""
    even, odd = _halves(out, side)
    torch.add(sums[1], sums[2], out=even).add_(sums[0])
    torch.sub(sums[1], sums[2], out=odd).sub_(sums[3])


def _pixels_back(pixels: Tensor, side: int, out: Sequence[Tensor]) -> None:
    """A."""
    even, odd = _halves(pixels, side)
    out[0].copy_(even)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.neg(odd, out=out[3])


APART.add(WinogradConv2d)
