"""Backpropagation made visible: the lecture's sensitivities (deltas) of every linear layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import InputError, ShapeError
from sparring.networks import Recurrent, evaluating, hearing
from sparring.shapes import describe

__all__ = ["Sensitivity", "delta_in_time", "delta_sizes", "input_gradient", "sensitivities", "sizes_in_time"]


@dataclass(frozen=True)
class Sensitivity:
    """What backpropagation computes at one linear layer z = W y + b.

    name: of the layer in the network. delta: dC / dz for every sample, (n, outputs). inputs: the
    layer's inputs y, (n, inputs).
    """

    name: str
    delta: Tensor
    inputs: Tensor

    @property
    def gradient(self) -> Tensor:
        """dC / dW = sum_i delta_i y_i^T, shape (outputs, inputs)."""
        return self.delta.T @ self.inputs

    @property
    def bias_gradient(self) -> Tensor:
        """dC / db = sum_i delta_i, shape (outputs,)."""
        return self.delta.sum(0)


def sensitivities(
    network: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Sensitivity, ...]:
    """The sensitivity delta of every linear layer, first layer first.

    For the lecture's two layers, y = sigma_y(alpha x) and z = sigma_z(beta y), with C_i = |z_i - z'_i|^2,

        delta_ik    = 2 (z_ik - z'_ik) sigma_z'(beta_k^T y_i)                         last layer
        delta-hat_im = sigma_y'(alpha_m^T x_i) sum_k delta_ik beta_km                 other layers
        dC_i / d beta_km = delta_ik y_im        dC_i / d alpha_mp = delta-hat_im x_ip

    network: any module whose linear layers are each used once, on inputs (n, inputs). x: (n, ...). y:
    targets for ``loss``. loss: (outputs, targets) to a scalar C; if it is a mean over samples, every
    delta carries its 1 / n. The network's mode, its gradients and its outputs stay as they are.
    Raises InputError if there is no linear layer or one is used twice; ShapeError for inputs that
    are not (n, inputs) at a layer.
    Source: the lecture, "back propagation", sensitivity summary.

    Its example of the chain rule, d/dw (sin(w^2 + 1))^2 at w = 2, is 2 sin 5 cos 5 * 4:

    >>> import math
    >>> w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    >>> (slope,) = torch.autograd.grad(torch.sin(w**2 + 1) ** 2, w)
    >>> math.isclose(slope.item(), 2 * math.sin(5) * math.cos(5) * 4)
    True
    """
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    layers = {name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    if not layers:
        raise InputError("the network has no linear layer, so there is no sensitivity to show.")
    hooks = [layer.register_forward_hook(_keeper(name, seen)) for name, layer in layers.items()]
    try:
        with torch.enable_grad():
            cost = loss(network(x), y)
    finally:
        for hook in hooks:
            hook.remove()
    if cost.dim() != 0:
        raise ShapeError(f"the loss must be one number; got the shape {describe(tuple(cost.shape))}.")
    outputs = [z for _, z in seen.values()]
    deltas = torch.autograd.grad(cost, outputs, allow_unused=True, materialize_grads=True)
    return tuple(
        Sensitivity(name, delta, inputs) for (name, (inputs, _)), delta in zip(seen.items(), deltas, strict=True)
    )


def _keeper(name: str, seen: dict[str, tuple[Tensor, Tensor]]) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def keep(layer: nn.Module, arguments: tuple[Tensor, ...], z: Tensor) -> Tensor:
        if name in seen:
            raise InputError(f"the layer {name!r} is used twice, so it has no one sensitivity per sample.")
        if z.dim() != 2:
            raise ShapeError(f"the layer {name!r} must see (n, inputs); it saw {describe(tuple(arguments[0].shape))}.")
        seen[name] = (arguments[0].detach(), z)
        return z.clone()  # what works in place on it leaves z as it is

    return keep


def delta_sizes(
    network: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> tuple[tuple[str, float], ...]:
    """(layer, size of its delta) for every linear and convolutional layer, first layer first.

    The size is the root mean square of n dC / dz over samples and units, where ``loss`` is a mean over
    n samples: what each unit of a layer hears of one sample's error. Sizes that fall from layer to
    layer towards the first are the vanishing gradient. The network is looked at in evaluation mode,
    and left in the mode it was in; layers used more than once count together.
    Source: the lecture, "back propagation"; Glorot & Bengio 2010, section 4.2.
    """
    outputs: list[tuple[str, Tensor]] = []
    kinds = nn.Linear | nn.modules.conv._ConvNd
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, kinds)]
    with hearing(layers, lambda name, _, z: outputs.append((name, z))), evaluating(network), torch.enable_grad():
        cost = loss(network(x), y)
        found = torch.autograd.grad(cost, [z for _, z in outputs], allow_unused=True, materialize_grads=True)
    sizes = [len(x) * delta.float().square().mean().sqrt().item() for delta in found]
    return tuple((name, size) for (name, _), size in zip(outputs, sizes, strict=True))


def delta_in_time(
    network: nn.Module, x: Tensor, lengths: Tensor, y: Any, loss: Callable[[Tensor, Any], Tensor]
) -> tuple[tuple[int, float], ...]:
    """(k, size of delta k steps before the end) for k = 0, 1, 2, 4, 8, ... up to the longest row.

    The size is the root mean square of n dC / dx(t) over rows and numbers, with x(t) the input of the first recurrent
    layer: what step t hears of one row's error, through all steps after it. Sizes that fall by factors are the
    lecture's vanishing gradient of recurrent networks. network: called with x (n, t, ...) and lengths (n,). loss: a
    mean over n rows. Rows of at most k steps are left out at k. Raises InputError if there is no recurrent layer.
    Source: the lecture, "problems with standard RNNs"; Pascanu et al. 2013, section 2.
    """
    return sizes_in_time(input_gradient(network, x, lengths, y, loss), lengths)


def sizes_in_time(gradient: Tensor, lengths: Tensor) -> tuple[tuple[int, float], ...]:
    """What ``delta_in_time`` gives, of dC / dx(t), (n, t, numbers)."""
    squares = (len(gradient) * gradient).square().flatten(2).mean(2)
    sizes = []
    for back in _back(int(lengths.max())):
        rows = torch.nonzero(lengths > back).flatten()
        sizes.append((back, squares[rows, lengths[rows] - 1 - back].mean().sqrt().item()))
    return tuple(sizes)


def input_gradient(
    network: nn.Module, x: Tensor, lengths: Tensor, y: Any, loss: Callable[[Tensor, Any], Tensor]
) -> Tensor:
    """dC / dx(t) at the inputs of the first recurrent layer, (n, t, numbers). Arguments: of ``delta_in_time``."""
    layer = next((module for module in network.modules() if isinstance(module, Recurrent)), None)
    if layer is None:
        raise InputError("the network has no recurrent layer, so there is no delta in time.")
    inputs: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        first = given[0] if given[0].requires_grad else given[0].detach().requires_grad_()
        inputs.append(first)
        return (first, *given[1:])

    hook = layer.register_forward_pre_hook(keep)
    try:
        with evaluating(network), torch.enable_grad():
            cost = loss(network(x, lengths), y)
            (found,) = torch.autograd.grad(cost, inputs[0])
    finally:
        hook.remove()
    return found.float()


def _back(longest: int) -> list[int]:
    """0, 1, 2, 4, ..., all below ``longest``."""
    return [0, *(2**i for i in range((longest - 1).bit_length()))]
