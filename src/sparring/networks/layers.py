"""What can be said of any network without running it."""

from functools import partial

from torch import nn

__all__ = ["APART", "LEAKY", "count_parameters", "has_batch_statistics", "summary", "treats_samples_apart"]

LEAKY = partial(nn.LeakyReLU, 0.2)  # the usual activation of critics (DCGAN)

APART: set[type[nn.Module]] = {
    *(nn.Sequential, nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d),
    *(nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Softplus),
    *(nn.Flatten, nn.Unflatten, nn.LayerNorm, nn.GroupNorm, nn.Dropout),
}  # our own networks add themselves


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
    return all(type(module) in APART for module in network.modules())


def summary(network: nn.Module) -> str:
    """The layers in a line: repeated runs of names, sizes where a layer has them.

    >>> summary(nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1)))
    'Linear 2-64, ReLU, Linear 64-1'
    """
    leaves = [module for module in network.modules() if not list(module.children())]
    return ", ".join(_named(module) for module in leaves)


def _named(module: nn.Module) -> str:
    name = type(module).__name__
    if isinstance(module, nn.Linear):
        return f"{name} {module.in_features}-{module.out_features}"
    if isinstance(module, nn.modules.conv._ConvNd):
        return f"{name} {module.in_channels}-{module.out_channels}"
    return name
