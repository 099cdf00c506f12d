"""The symmetries of an image's frame: mirrored, upside down, and with rows for columns."""

import itertools

import torch
from torch import Tensor, nn

from sparring.networks.layers import APART

__all__ = ["Symmetry", "symmetries"]


class Symmetry(nn.Module):
    """Images (n, c, h, w) with rows for columns, then turned upside down, then mirrored; or some of it.

    Convolutions see a pixel's surroundings: they can recolour and redraw, but not carry a pixel across the image. What
    stands on its head is put upright before them. The eight are all turns by right angles, mirrored or not.

    >>> Symmetry(transposed=True, mirrored=True)(torch.arange(4.0).view(1, 1, 2, 2)).flatten().tolist()
    [2.0, 0.0, 3.0, 1.0]
    """

    def __init__(self, transposed: bool = False, upside_down: bool = False, mirrored: bool = False) -> None:
        super().__init__()
        self.transposed, self.upside_down, self.mirrored = transposed, upside_down, mirrored

    def forward(self, x: Tensor) -> Tensor:
        turned = x.transpose(2, 3) if self.transposed else x
        sides = [side for side, asked in ((2, self.upside_down), (3, self.mirrored)) if asked]
        return turned.flip(sides) if sides else turned

    # which one it is belongs to the network's state, like its weights

    def get_extra_state(self) -> Tensor:
        return torch.tensor([self.transposed, self.upside_down, self.mirrored])

    def set_extra_state(self, state: Tensor) -> None:
        self.transposed, self.upside_down, self.mirrored = state.tolist()

    def inverse(self) -> "Symmetry":
        """The one that undoes it."""
        if not self.transposed:
            return self
        return Symmetry(True, self.mirrored, self.upside_down)

    def __str__(self) -> str:
        names = ("transposed", "upside_down", "mirrored")
        return " and ".join(name.replace("_", " ") for name in names if getattr(self, name)) or "as it is"


def symmetries(height: int, width: int) -> list[Symmetry]:
    """All that keep an image's size, the one that changes nothing first: 8 of a square, else 4; of a signal 2.

    >>> [str(symmetry) for symmetry in symmetries(1, 5)]
    ['as it is', 'mirrored']
    """
    choices = ((False, True) if height == width > 1 else (False,), (False, True) if height > 1 else (False,))
    return [Symmetry(*chosen) for chosen in itertools.product(*choices, (False, True))]


APART.add(Symmetry)
