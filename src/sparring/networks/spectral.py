"""Layers whose weight is divided by its largest singular value, so that each has a slope of at most one."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["spectrally_normalised"]

NORMALISED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def spectrally_normalised(network: nn.Module) -> nn.Module:
    """The same network, changed in place: every linear and convolutional layer with spectral normalisation.

    W -> W / sigma(W), sigma by one step of the power iteration in every pass in training mode, from
    vectors that are kept (and saved). With activations of a slope of at most one, a network of linear layers then has
    a slope of at most one; a convolution's W is its kernel as a matrix, whose norm bounds its slope up to a factor.
    Source: Miyato et al. 2018, eq. 8 and Algorithm 1; the work is torch's.
    """
    for module in list(network.modules()):
        if isinstance(module, NORMALISED) and not torch.nn.utils.parametrize.is_parametrized(module):
            spectral_norm(module)
    return network
