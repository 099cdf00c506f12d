"""Sines and cosines of the inputs, so that a network sees fine differences as well as coarse ones."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Waves"]


class Waves(nn.Module):
    """Vectors (n, inputs) to (n, outputs): x, sin(f x) and cos(f x) for every frequency f, in radians per unit.

    A network of plain layers learns functions that vary slowly first, and fast ones hardly at all; of these inputs
    a linear function already varies as fast as the highest frequency. ``outputs``: inputs (1 + 2 frequencies).
    Source: Tancik et al. 2020, for coordinates; different from it: each input by itself, at frequencies that are given.

    >>> Waves(2, (1.0, 4.0))(torch.zeros(3, 2))[0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """

    frequencies: Tensor

    def __init__(self, inputs: int, frequencies: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.tensor([float(f) for f in frequencies]), persistent=False)
        self.outputs = inputs * (1 + 2 * len(frequencies))

    def forward(self, x: Tensor) -> Tensor:
        angles = (x.unsqueeze(2) * self.frequencies).flatten(1)
        return torch.cat([x, angles.sin(), angles.cos()], 1)


APART.add(Waves)
