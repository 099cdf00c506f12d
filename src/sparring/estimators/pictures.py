"""Pictures of a supervised network for its report: worst mistakes, first filters, and what these see in an image."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sparring.data.image import ImageSchema, grid, to_pillow
from sparring.files import replaced_file
from sparring.judging import Answers
from sparring.record import Record

__all__ = ["write_filters", "write_mistakes"]

MOST = 64  # filters shown


def write_mistakes(record: Record, found: Answers, images: NDArray[np.float32], schema: ImageSchema) -> None:
    """One picture for each of the worst mistakes, in their order. images: encoded, in the mistakes' order."""
    for i, image in enumerate(schema.decode(images)):
        _write(record, f"mistake-{i + 1:02d}", grid(image[None], 1, 0, schema.low, schema.high))


def write_filters(record: Record, network: nn.Module, image: NDArray[np.float32], schema: ImageSchema) -> None:
    """The first convolution's filters, an image (encoded), and that layer's answer to it; nothing if there is none."""
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.in_channels != schema.channels:
        return
    weight = first.weight.detach().float().cpu()[:MOST]
    with torch.inference_mode():
        maps = first(torch.from_numpy(image)[None].to(first.weight.device)).float().cpu()[0, :MOST].numpy()
    colours = weight if schema.channels == 3 else weight.mean(1, keepdim=True)
    most = float(colours.abs().max()) or 1.0  # grey is zero
    _write(record, "filters", grid(colours.permute(0, 2, 3, 1).numpy(), None, 1, -most, most))
    low, high = (float(value) for value in np.quantile(maps, (0.01, 0.99)))
    _write(record, "maps", grid(maps, None, 1, low, high))
    _write(record, "seen", grid(schema.decode(image[None]), 1, 0, schema.low, schema.high))


def _write(record: Record, name: str, picture: NDArray[np.uint8]) -> None:
    path = record.picture_path(name)
    path.parent.mkdir(exist_ok=True)
    with replaced_file(path) as partial:
        to_pillow(picture).save(partial, format="PNG")
