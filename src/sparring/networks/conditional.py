"""Networks that are told a class: the generator which one to make, the critic which one it looks at."""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sparring.networks.layers import APART

__all__ = ["LabelledCritic", "LabelledGenerator"]


class LabelledGenerator(nn.Module):
    """G(z, y): a network that takes the noise with the class, one-hot, appended.

    network: (n, latent_size + classes) to samples. y: whole numbers below ``classes``, (n,).
    Source: Mirza & Osindero 2014.
    """

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network, self.classes = network, classes

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.network(torch.cat([z, one_hot(y, self.classes).to(z.dtype)], 1))


class LabelledCritic(nn.Module):
    """C(x, y): the y-th of the scores that a network gives, one for each class.

    network: samples to (n, classes). With a linear last layer, C(x, y) = w_y h(x) + b_y: what a projection
    critic is, with w_y for its embedding of the class.
    Source: Miyato & Koyama 2018, eq. 3; different from it: no term that all classes share, which w_y can hold.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.network(x).gather(1, y[:, None]).squeeze(1)


APART.update({LabelledCritic, LabelledGenerator})
