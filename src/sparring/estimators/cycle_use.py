"""Using a CycleGAN: rows of one side to rows of the other, a part at a time, and large pictures in tiles."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data.chunks import Chunk, chunks
from sparring.data.image import ImageSchema
from sparring.data.mixed import MixedSchema
from sparring.data.schema import Schema
from sparring.networks import ImageTranslator, evaluating, tiled

__all__ = ["returned", "strayed", "together", "translated", "translations"]

AT_ONCE = 2**20  # numbers that go through a network in one pass
TILE = 256  # pixels of a side, at least, that are translated as a whole


def translated(network: nn.Module, rows: Tensor, tile: tuple[int, int] | None = None) -> Tensor:
    """What a generator makes of encoded rows, in parts, on the CPU. tile: of larger images."""
    device = next(network.parameters()).device
    size = max(AT_ONCE // max(math.prod(rows.shape[1:]), 1), 1)
    with torch.inference_mode(), evaluating(network):
        return torch.cat([_made(network, part.to(device), tile).float().cpu() for part in rows.split(size)])


def _made(network: nn.Module, rows: Tensor, tile: tuple[int, int] | None) -> Tensor:
    if tile is None or rows.dim() != 4 or (rows.shape[2] <= tile[0] and rows.shape[3] <= tile[1]):
        return network(rows)
    if isinstance(network, ImageTranslator):  # a tile alone cannot be carried to the other side of the image
        return tiled(network.redrawn, network.symmetry(rows), tile)
    return tiled(network, rows, tile)


def translations(
    network: nn.Module, data: Any, source: Schema, target: Schema, *, full_size: bool = False
) -> Iterator[Chunk]:
    """What a generator makes of data like ``source``, chunk by chunk, decoded as ``target``; see ``data.chunks``."""
    for chunk in chunks(data, source, full_size=full_size):
        rows = torch.from_numpy(chunk.schema.encode(chunk.rows))
        made = translated(network, rows, _tile(source))
        own = target
        if isinstance(target, ImageSchema):
            own = replace(target, height=made.shape[2], width=made.shape[3])
        yield Chunk(own.decode(made.numpy()), own, chunk.names)


def _tile(schema: Schema) -> tuple[int, int] | None:
    if not isinstance(schema, ImageSchema):
        return None
    return max(schema.height, TILE), max(schema.width, TILE)


def returned(there: nn.Module, back: nn.Module, rows: Tensor) -> Tensor:
    """Encoded rows, translated there and back."""
    return translated(back, translated(there, rows))


def strayed(there: nn.Module, back: nn.Module, values: Any, schema: Schema) -> NDArray[np.float64]:
    """How far each row is from what comes back of it, (n,), in the unit of ``CycleGAN.cycle_error``."""
    rows = torch.from_numpy(schema.encode(values))
    found = returned(there, back, rows)
    if isinstance(schema, MixedSchema):
        return schema.apart(values, schema.decode(found.numpy()))
    return (found - rows).abs().flatten(1).mean(1).double().numpy() / (2.0 if schema.bounded else 1.0)


def together(parts: Iterator[Chunk]) -> Any:
    """All rows of chunks, which have one shape: an array, or a DataFrame."""
    found = [part.rows for part in parts]
    if isinstance(found[0], pd.DataFrame):
        return pd.concat(found, ignore_index=True)
    return np.concatenate(found)
