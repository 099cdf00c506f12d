"""When convolutions of 3 x 3 pixels gain by Winograd's products: torch's time over ours, by size.

    python benchmarks/winograd.py [--rounds 60]

One thread, float32, maps channels last, a dozen pairs of maps and weights in turn, so that they are not all in the
nearest cache; medians. Forward: the maps; backward: the gradients of maps, weights and biases. What is measured is
the way itself, also where ``networks.WinogradConv2d`` leaves it to torch.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sparring.networks import winograd
from sparring.room import kept_memory

SIZES = (  # images, channels, pixels along a side
    *((1, 64, 16), (2, 64, 16), (8, 64, 14), (1, 64, 32), (2, 64, 32), (16, 64, 28)),
    *((1, 96, 16), (2, 96, 16), (1, 96, 32)),
    *((1, 128, 8), (2, 128, 8), (1, 128, 16), (2, 128, 16), (1, 128, 32), (8, 128, 14)),
    *((1, 192, 16), (1, 192, 32), (1, 256, 8), (2, 256, 8), (1, 256, 16), (1, 256, 32), (1, 256, 64)),
)
NUMBERS = 3e7  # of all maps and weights that are played in turn, in bytes


class Direct:
    """Torch's convolution: what it makes, and what its gradients are."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor, _: Tensor) -> object:
        return torch.conv2d(x, weight, bias, padding=1)

    def backward(self, x: Tensor, weight: Tensor, bias: Tensor, grad: Tensor) -> object:
        return torch.ops.aten.convolution_backward(
            grad, x, weight, [len(bias)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True] * 3
        )


class Kept:
    """What a backward pass is told."""

    needs_input_grad = (True, True, True)

    def __init__(self, *tensors: Tensor) -> None:
        self.saved_tensors = tensors

    def save_for_backward(self, *tensors: Tensor) -> None:
        self.saved_tensors = tensors


class Products:
    """Ours."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor, _: Tensor) -> object:
        return winograd._Convolved.forward(Kept(), x, weight, bias)

    def backward(self, x: Tensor, weight: Tensor, bias: Tensor, grad: Tensor) -> object:
        return winograd._Convolved.backward(Kept(x, weight), grad)


def drawn(images: int, channels: int, side: int) -> list[list[Tensor]]:
    bytes_each = 4 * (9 * channels**2 + 3 * images * channels * side**2)
    shapes = ((images, channels, side, side), (channels, channels, 3, 3), (channels,), (images, channels, side, side))
    return [
        [
            torch.randn(shape).contiguous(
                memory_format=torch.channels_last if len(shape) == 4 else torch.contiguous_format
            )
            for shape in shapes
        ]
        for _ in range(max(2, min(12, int(NUMBERS / bytes_each))))
    ]


def milliseconds(play: Callable[..., object], all_given: Sequence[Sequence[Tensor]]) -> list[float]:
    found = []
    for given in all_given:
        began = time.perf_counter()
        play(*given)
        found.append(1e3 * (time.perf_counter() - began))
    return found


def row(size: tuple[int, int, int], rounds: int) -> str:
    given = drawn(*size)
    ways = [getattr(way, direction) for direction in ("forward", "backward") for way in (Direct(), Products())]
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(max(3, rounds // len(given))):
        for way, found in zip(ways, times, strict=True):
            found += milliseconds(way, given)
    direct, ours, direct_back, ours_back = (statistics.median(found[len(given) :]) for found in times)
    images, channels, side = size
    many = channels * images * ((side + 1) // 2) ** 2
    return (
        f"| {images}, {channels}, {side}×{side} | {many:,} | {direct:.2f} | {direct / ours:.2f} | {direct_back:.2f} "
        f"| {direct_back / ours_back:.2f} |"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=60, help="times that each size is measured [60]")
    chosen = asked.parse_args()
    torch.set_num_threads(1)
    winograd.WIDER = winograd.MORE = 0
    print(
        "| images, channels, pixels | channels times tiles | forward, ms | torch over ours | backward, ms | the same |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    with kept_memory(), torch.no_grad():
        for size in SIZES:
            print(row(size, chosen.rounds), flush=True)


if __name__ == "__main__":
    main()
