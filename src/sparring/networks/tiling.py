"""Large images through a network in overlapping tiles, so that memory depends on a tile's size alone."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from sparring.errors import InputError

__all__ = ["tiled"]


def tiled(network: Callable[[Tensor], Tensor], x: Tensor, tile: tuple[int, int]) -> Tensor:
    """What a network makes of images x (n, c, h, w) of any size, in tiles (height, width) that overlap by half.

    Where tiles overlap, what they say is averaged, each weighing less towards its edge, so that no seam is seen. A side
    that is not longer than the tile's is taken whole. network: images to images of the same height and width.

    >>> x = torch.rand(1, 1, 50, 30)
    >>> torch.allclose(tiled(lambda part: 2 * part, x, (16, 16)), 2 * x)
    True
    """
    if min(tile) < 2:
        raise InputError(f"a tile must be at least 2 x 2; got {tile}")
    h, w = x.shape[2:]
    if h <= tile[0] and w <= tile[1]:
        return network(x)
    height, width = min(h, tile[0]), min(w, tile[1])
    weight = _ramp(height, x)[:, None] * _ramp(width, x)
    made: Tensor | None = None
    whole = x.new_zeros(h, w)
    for top in _places(h, height):
        for left in _places(w, width):
            inside = (..., slice(top, top + height), slice(left, left + width))
            part = network(x[inside])
            if made is None:
                made = part.new_zeros(len(x), part.shape[1], h, w)
            made[inside] += part * weight
            whole[inside] += weight
    assert made is not None
    return made / whole


def _places(side: int, tile: int) -> Iterator[int]:
    """Where tiles begin; the last ends with the image."""
    yield from range(0, side - tile, max(tile // 2, 1))
    yield side - tile


def _ramp(length: int, like: Tensor) -> Tensor:
    """Rises from the edges to the middle, (length,)."""
    i = torch.arange(1, length + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(i, length + 1 - i) / length
