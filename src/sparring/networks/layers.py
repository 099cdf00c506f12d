"""What can be said of any network: its layers, their shapes and sizes, and whether samples touch each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from sparring.networks.looking import evaluating, hearing

__all__ = [
    "APART",
    "LEAKY",
    "Layer",
    "count_parameters",
    "draws_nothing",
    "has_batch_statistics",
    "layers",
    "summary",
    "treats_samples_apart",
]

LEAKY = partial(nn.LeakyReLU, 0.2)  # the usual activation of critics (DCGAN)

APART: set[type[nn.Module]] = {
    *(nn.Sequential, nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d),
    *(nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Softplus),
    *(nn.Flatten, nn.Unflatten, nn.LayerNorm, nn.GroupNorm, nn.Dropout),
}  # our own networks add themselves
RANDOM = (nn.modules.dropout._DropoutNd, nn.AlphaDropout, nn.RReLU)


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether a sample's output depends on its batch mates (batch normalisation of any dimension).

    >>> has_batch_statistics(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    True
    """
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def treats_samples_apart(network: nn.Module) -> bool:
    """Whether every layer is known to treat each sample by itself, so that batches may be joined.

    Layers that are not known here (a user's own, or ones that look across a batch) make it False.

    >>> treats_samples_apart(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
    True
    >>> treats_samples_apart(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    False
    """
    return all(_plain(module) in APART for module in network.modules())


def _plain(module: nn.Module) -> type[nn.Module]:
    """A layer's type; what spectral normalisation adds to it looks at no sample."""
    parts = (nn.ModuleDict, parametrize.ParametrizationList, parametrizations._SpectralNorm)
    return nn.Sequential if isinstance(module, parts) else parametrize.type_before_parametrizations(module)


def draws_nothing(network: nn.Module) -> bool:
    """Whether every layer is known to draw no random numbers, so that no random state is needed to repeat it.

    >>> draws_nothing(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), draws_nothing(nn.Dropout(0.5))
    (True, False)
    """
    known = (*APART, nn.BatchNorm1d, nn.BatchNorm2d)
    return all(_plain(module) in known and not isinstance(module, RANDOM) for module in network.modules())


def summary(network: nn.Module) -> str:
    """The layers in a line: repeated runs of names, sizes where a layer has them.

    >>> summary(nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1)))
    'Linear 2-64, ReLU, Linear 64-1'
    """
    return ", ".join(_named(module) for module in _leaves(network).values())


def _leaves(network: nn.Module) -> dict[str, nn.Module]:
    """The layers that hold no others, by name. A normalised weight's parts belong to its layer."""
    inner = [f"{name}." for name, module in network.named_modules() if parametrize.is_parametrized(module)]
    return {
        name: module
        for name, module in network.named_modules()
        if not any(name.startswith(prefix) for prefix in inner)
        and all(child == "parametrizations" for child, _ in module.named_children())
    }


def _named(module: nn.Module) -> str:
    name = parametrize.type_before_parametrizations(module).__name__
    if isinstance(module, nn.Linear):
        return f"{name} {module.in_features}-{module.out_features}"
    if isinstance(module, nn.modules.conv._ConvNd):
        return f"{name} {module.in_channels}-{module.out_channels}"
    return name


@dataclass(frozen=True)
class Layer:
    """One layer of a network. name: in the network. shape: of one sample's output. parameters: what it learns."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def layers(network: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """Every layer in the order of use, with the shape of its output for one sample and its parameters.

    shape: of one sample, without the batch: (p,) or (c, h, w). The network's mode stays as it is.

    The lecture's count: three 3 x 3 filters over three channels make 6 x 6 into 4 x 4, with 3 (27 + 1) weights.

    >>> layers(nn.Sequential(nn.Conv2d(3, 3, 3)), (3, 6, 6))
    (Layer(name='0', kind='Conv2d 3-3', shape=(3, 4, 4), parameters=84),)
    """
    found: list[Layer] = []

    def note(name: str, layer: nn.Module, output: Any) -> None:
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        found.append(Layer(name, _named(layer), shape, count_parameters(layer)))

    first = next(network.parameters(), torch.zeros(()))
    with hearing(_leaves(network).items(), note), evaluating(network), torch.inference_mode():
        network(torch.zeros(1, *shape, device=first.device, dtype=first.dtype))
    return tuple(found)
