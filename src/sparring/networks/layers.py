"""What can be said of any network: its layers, their shapes and sizes, and whether samples touch each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from sparring.networks.dropout import Dropout
from sparring.networks.looking import evaluating, hearing

__all__ = [
    "APART",
    "LEAKY",
    "Layer",
    "count_parameters",
    "has_batch_statistics",
    "layers",
    "spares_global_rng",
    "summary",
    "treats_samples_apart",
]

LEAKY = partial(nn.LeakyReLU, 0.2)  # the usual activation of critics (DCGAN)

APART: set[type[nn.Module]] = {
    *(nn.Sequential, nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d),
    *(nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Softplus),
    *(nn.Flatten, nn.Unflatten, nn.LayerNorm, nn.GroupNorm, nn.Dropout, Dropout),
}  # our own networks add themselves
RANDOM = (nn.Dropout, nn.AlphaDropout, nn.RReLU)
BETWEEN_LAYERS = (
    nn.RNN,
    nn.LSTM,
    nn.GRU,
    nn.MultiheadAttention,
)  # layers of torch that drop out inside, if they are to
UNDRAWN: set[type[nn.Module]] = {
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.LocalResponseNorm),
    *(nn.Identity, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Embedding, nn.Bilinear),
    *(nn.Conv1d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose3d, nn.MaxPool1d, nn.MaxPool3d, nn.AvgPool1d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AvgPool3d),
    *(nn.Hardtanh, nn.ReLU6, nn.PReLU, nn.SELU, nn.CELU, nn.Mish, nn.Hardswish, nn.Softmax, nn.LogSoftmax, nn.GLU),
    *(
        nn.modules.linear.NonDynamicallyQuantizableLinear,
        nn.Upsample,
        nn.PixelShuffle,
        nn.PixelUnshuffle,
        nn.ZeroPad2d,
        nn.ReflectionPad2d,
        nn.ReplicationPad2d,
    ),
}  # layers of torch beside APART that draw no random numbers


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


def spares_global_rng(network: nn.Module) -> bool:
    """Whether every layer is known not to draw from torch's global random state; our own ``Dropout`` does not.

    >>> spares_global_rng(nn.Sequential(nn.Linear(2, 3), Dropout(0.5))), spares_global_rng(nn.Dropout(0.5))
    (True, False)
    """
    return all(_spares(module) for module in network.modules())


def _spares(module: nn.Module) -> bool:
    kind = _plain(module)
    if kind in BETWEEN_LAYERS:
        return not module.dropout
    return kind not in RANDOM and (kind in APART or kind in UNDRAWN)


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
