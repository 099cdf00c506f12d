"""Backpropagation written out, as the lecture has it, for a chain of linear layers.

Autograd gives the same gradients for every network. On a small one its bookkeeping takes longer than the
arithmetic: there the lecture's formulas need two thirds of the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import torch
from torch import Tensor, nn

from sparring.chance import ambient_generator
from sparring.networks import MLP, dropout_mask
from sparring.objectives import binary_cross_entropy, cross_entropy, mean_squared_error
from sparring.precision import in_full

__all__ = ["Backpropagation", "Error", "backpropagation"]

Error = Callable[..., Tensor]
Backpropagation = Callable[..., tuple[Tensor, list[Tensor]]]


# -- sigma, in place, and delta * sigma', in place, from y = sigma(z)

SIGMAS: Mapping[type[nn.Module], tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = (
    MappingProxyType(
        {
            nn.ReLU: (torch.relu_, lambda delta, y: delta.mul_(y.sign())),
            nn.Tanh: (torch.tanh_, lambda delta, y: delta.mul_(1 - y * y)),
            nn.Sigmoid: (torch.sigmoid_, lambda delta, y: delta.mul_(y * (1 - y))),
            nn.Identity: (lambda z: z, lambda delta, y: delta),
        }
    )
)


# -- the error and its delta: d error / d outputs


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    # torch reduces a row of few classes ten times slower than as many columns
    logs = logits.t().contiguous().log_softmax(0).t()
    if targets.dim() == 1:
        chosen = targets[:, None]
        each = logs.gather(1, chosen)[:, 0].neg_()
        delta = logs.exp().scatter_add_(1, chosen, torch.full_like(each, -1)[:, None])
    else:
        each = (logs * targets).sum(1).neg_()
        delta = logs.exp().mul_(targets.sum(1, keepdim=True)).sub_(targets)
    return _averaged(each, delta, weights)


def _binary_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    each = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return _averaged(each, torch.sigmoid(logits).sub_(targets), weights)


def _mean_squared_error(outputs: Tensor, targets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    apart = outputs - targets.reshape(outputs.shape)
    return _averaged(apart.square().mean(1), apart.mul_(2 / apart.shape[1]), weights)


def _averaged(each: Tensor, delta: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    if weights is None:
        return each.mean(), delta.mul_(1 / len(each))
    return (weights * each).mean(), delta.mul_((weights / len(each))[:, None])


ERRORS: Mapping[Error, Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]] = MappingProxyType(
    {
        cross_entropy: _cross_entropy,
        binary_cross_entropy: _binary_cross_entropy,
        mean_squared_error: _mean_squared_error,
    }
)


# -- the chain


@dataclass(frozen=True)
class _Layer:
    """y(l) = sigma(W y(l-1) + b), of which a share is left out."""

    linear: nn.Linear
    sigma: type[nn.Module] = nn.Identity
    dropout: float = 0.0

    @cached_property
    def buffer(self) -> Tensor:
        return torch.empty_like(self.linear.weight)


def backpropagation(network: nn.Module, error: Error) -> Backpropagation | None:
    """A function from a batch (inputs, targets[, weights]) to its error and the error's gradients.

    The gradients are in the order of ``network.parameters()``, and equal autograd's up to rounding:
    forward, y(l) = sigma(W(l) y(l-1) + b(l)); backward, delta(L) = d error / d y(L) at the linear last
    layer, delta(l-1) = (W(l)^T delta(l)) sigma'(z(l-1)), and the gradients delta(l) y(l-1)^T and delta(l).
    Dropout draws from the run's generator, as the layer does, and the network must be in training mode.
    None where the formulas do not hold or somebody listens: another network than a chain of linear layers with
    ReLU, tanh, sigmoid or nothing after each; an error of the user's; hooks; weights that do not learn or are shared.
    """
    layers, derived = _layers_of(network), ERRORS.get(error)
    if layers is None or derived is None:
        return None

    @in_full
    @torch.no_grad()
    def gradients(inputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        passed, outputs = _forward(layers, inputs.flatten(1))
        value, delta = derived(outputs, targets, weights)
        return value, _backward(passed, delta)

    return gradients


@dataclass(frozen=True, slots=True)
class _Passed:
    """What a layer read, y(l-1), and what it made: sigma(z), and what dropout multiplied that by."""

    layer: _Layer
    read: Tensor
    made: Tensor
    mask: Tensor | None


def _forward(layers: list[_Layer], y: Tensor) -> tuple[list[_Passed], Tensor]:
    passed = []
    for layer in layers:
        made, mask = SIGMAS[layer.sigma][0](nn.functional.linear(y, layer.linear.weight, layer.linear.bias)), None
        if layer.dropout:
            mask = dropout_mask(made, layer.dropout, ambient_generator(made.device))
        passed.append(_Passed(layer, y, made, mask))
        y = made if mask is None else made * mask
    return passed, y


def _backward(passed: list[_Passed], delta: Tensor) -> list[Tensor]:
    """The gradients of all weights and biases, from the last layer's delta (n, outputs)."""
    found: list[Tensor] = []
    for at in reversed(passed):
        if at is not passed[-1]:
            if at.mask is not None:
                delta.mul_(at.mask)
            delta = SIGMAS[at.layer.sigma][1](delta, at.made)
        linear = at.layer.linear
        found += [delta.sum(0)] if linear.bias is not None else []
        found.append(torch.mm(delta.t(), at.read, out=at.layer.buffer))
        if at is not passed[0]:
            delta = delta @ linear.weight
    return found[::-1]


def _layers_of(network: nn.Module) -> list[_Layer] | None:
    """The chain, or None if the network is none, or if anything but its weights decides what it does."""
    if type(network) not in (nn.Sequential, MLP) or any(_is_heard(module) for module in network.modules()):
        return None
    layers: list[_Layer] = []
    for i, module in enumerate(network.children()):
        kind = type(module)
        if isinstance(module, nn.Flatten) and i == 0 and (module.start_dim, module.end_dim) == (1, -1):
            continue
        if isinstance(module, nn.Linear) and kind is nn.Linear:
            layers.append(_Layer(module))
        elif not layers:
            return None
        elif kind in SIGMAS and layers[-1] == _Layer(layers[-1].linear):
            layers[-1] = _Layer(layers[-1].linear, kind)
        elif isinstance(module, nn.Dropout) and not layers[-1].dropout and module.p < 1 and not module.inplace:
            layers[-1] = _Layer(layers[-1].linear, layers[-1].sigma, module.p)
        else:
            return None
    if not layers or layers[-1] != _Layer(layers[-1].linear):
        return None
    own = [parameter for layer in layers for parameter in layer.linear.parameters()]
    return layers if len({*own}) == len(own) and all(parameter.requires_grad for parameter in own) else None


def _is_heard(module: nn.Module) -> bool:
    """Whether hooks hang on a module: they would not be called."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name) for name in hooks)
