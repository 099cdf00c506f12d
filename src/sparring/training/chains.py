"""Chains of linear layers with ReLU-like functions between, and every derivative a game needs of them, written out.

Such a network is linear in pieces: y(l) = m(l) (W(l) y(l-1) + b(l)), where the mask m is 1 or the function's lower
slope. So the slope of its output by its input is a product of matrices and masks, and the derivative of a penalty on
that slope by the weights takes one more pass forward, with a direction instead of a point. Autograd gives the same
numbers for every network; for small ones its bookkeeping takes longer than the arithmetic.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sparring.networks import MLP, Ranked, Signs, Waves

__all__ = ["Affine", "Chain", "Tape", "chain_of"]

LOWER = {nn.ReLU: 0.0, nn.Identity: 1.0}  # the slope below zero


@dataclass(frozen=True, slots=True)
class Tape:
    """What a pass forward left: what each layer read, y(0) to y(L-1), and the outputs (n, d).

    sines: sin and cos of the angles, if the inputs were seen by waves.
    """

    reads: list[Tensor]
    outputs: Tensor
    sines: tuple[Tensor, Tensor] | None = None

    def part(self, start: int, stop: int) -> "Tape":
        """Of some of the samples."""
        sines = None if self.sines is None else (self.sines[0][start:stop], self.sines[1][start:stop])
        return Tape([read[start:stop] for read in self.reads], self.outputs[start:stop], sines)


@dataclass(frozen=True, slots=True)
class Affine:
    """What a linear layer does at present: x W^T + b."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Chain:
    """Linear layers; the slope below zero of what follows each but the last; what comes before and after.

    signs: how many inputs are seen by their sign. waves: what the inputs are seen by, or None. tanh: whether it ends
    the chain.
    """

    layers: tuple[nn.Linear | Affine, ...]
    lower: tuple[float, ...]
    signs: int
    waves: Waves | None
    tanh: bool

    @property
    def outputs(self) -> int:
        return len(self.layers[-1].weight)

    # -- a first layer whose matrix is made of its weight

    def settled(self) -> "Chain":
        """The same for the weights of this moment: a matrix that is made of them (``Ranked``) is made once."""
        first = self.layers[0]
        if not isinstance(first, Ranked):
            return self
        return replace(self, layers=(Affine(first.matrix(), first.bias), *self.layers[1:]))

    def owned(self, gradients: list[Tensor]) -> list[Tensor]:
        """The gradients of the weights, from those that the settled chain found."""
        first = self.layers[0]
        return [first.pulled(gradients[0]), *gradients[1:]] if isinstance(first, Ranked) else gradients

    # -- forward

    def forward(self, x: Tensor) -> Tape:
        """Points (n, inputs) through the chain, with all that the other passes need."""
        y, sines = self._entered(x)
        reads = [y]
        for linear, lower in zip(self.layers[:-1], self.lower, strict=True):
            reads.append(_bent(torch.addmm(linear.bias, reads[-1], linear.weight.t()), lower))
        return Tape(reads, self._left(reads[-1]), sines)

    def values(self, x: Tensor) -> Tensor:
        """The outputs (n, d) alone."""
        y, _ = self._entered(x)
        for linear, lower in zip(self.layers[:-1], self.lower, strict=True):
            y = _bent(torch.addmm(linear.bias, y, linear.weight.t()), lower)
        return self._left(y)

    def _entered(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        if self.signs:
            x = x.clone()
            x[:, : self.signs] = torch.copysign(torch.ones_like(x[:, : self.signs]), x[:, : self.signs])
        if self.waves is None:
            return x, None
        angles = (x.unsqueeze(2) * self.waves.frequencies).flatten(1)
        sines = angles.sin(), angles.cos_()
        return torch.cat([x, *sines], 1), sines

    def _left(self, y: Tensor) -> Tensor:
        out = torch.addmm(self.layers[-1].bias, y, self.layers[-1].weight.t())
        return out.tanh_() if self.tanh else out

    # -- backward

    def gradients(self, tape: Tape, delta: Tensor) -> list[Tensor]:
        """The gradients of all weights and biases, in their order, from the derivative by the outputs (n, d)."""
        if self.tanh:
            delta = delta * (1 - tape.outputs * tape.outputs)
        found: list[Tensor] = []
        for place in range(len(self.layers) - 1, -1, -1):
            found += [delta.sum(0), delta.t() @ tape.reads[place]]
            if place:
                delta = _masked(delta @ self.layers[place].weight, tape.reads[place], self.lower[place - 1])
        return found[::-1]

    def slopes(self, tape: Tape, seed: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """The derivative of one output by the inputs, (n, inputs), times ``seed`` (n, 1); and what each layer but the
        last received on the way, before its weight.
        """
        received: list[Tensor] = []
        first = torch.ones_like(tape.outputs) if seed is None else seed
        signal = first @ self.layers[-1].weight
        for place in range(len(self.layers) - 2, -1, -1):
            signal = _masked(signal, tape.reads[place + 1], self.lower[place])
            received.append(signal)
            signal = signal @ self.layers[place].weight
        return received[::-1], signal if self.waves is None else self._before_waves(tape, signal)

    def _before_waves(self, tape: Tape, signal: Tensor) -> Tensor:
        """By the inputs, from the derivative by x, sin(f x) and cos(f x)."""
        assert self.waves is not None
        assert tape.sines is not None
        frequencies = self.waves.frequencies
        plain, by_sine, by_cosine = signal.split(self._widths(signal), 1)
        angles = (tape.sines[1] * by_sine).sub_(tape.sines[0] * by_cosine)
        return plain + angles.view(len(signal), -1, len(frequencies)) @ frequencies

    def slope_gradients(self, tape: Tape, received: list[Tensor], along: Tensor) -> list[Tensor]:
        """The gradients of a function of the slopes, from its derivative by them, ``along`` (n, inputs).

        Those of the weights alone: within a piece no bias changes a slope.
        """
        way = along if self.waves is None else self._through_waves(tape, along)
        found: list[Tensor] = []
        for linear, signal, y, lower in zip(self.layers[:-1], received, tape.reads[1:], self.lower, strict=True):
            found.append(signal.t() @ way)
            way = _masked(way @ linear.weight.t(), y, lower)
        found.append(way.sum(0, keepdim=True))
        return found

    def _through_waves(self, tape: Tape, along: Tensor) -> Tensor:
        """A direction at the inputs as one at x, sin(f x) and cos(f x)."""
        assert self.waves is not None
        assert tape.sines is not None
        angles = (along.unsqueeze(2) * self.waves.frequencies).flatten(1)
        return torch.cat([along, angles * tape.sines[1], (angles * tape.sines[0]).neg_()], 1)

    def _widths(self, signal: Tensor) -> list[int]:
        assert self.waves is not None
        inputs = signal.shape[1] // (1 + 2 * len(self.waves.frequencies))
        waves = inputs * len(self.waves.frequencies)
        return [inputs, waves, waves]


def _bent(z: Tensor, lower: float) -> Tensor:
    """m z, in place."""
    return nn.functional.leaky_relu_(z, lower) if lower else z.relu_()


def _masked(signal: Tensor, y: Tensor, lower: float) -> Tensor:
    """m times the signal, with the mask of y = m z. (torch.where would take thirty times as long.)"""
    if lower:
        return torch.ops.aten.leaky_relu_backward(signal, y, lower, True)
    return torch.ops.aten.threshold_backward(signal, y, 0)


def chain_of(network: nn.Module) -> Chain | None:
    """The network as a chain, or None if it is none, or if anything but its weights decides what it does."""
    parts = _parts(network)
    if parts is None:
        return None
    while parts and isinstance(parts[0], nn.Flatten):
        parts.pop(0)
    # in this order alone, each once: signs of waves would be another function
    signs, waves = 0, None
    if parts and isinstance(parts[0], Signs):
        signs, parts = parts[0].count, parts[1:]
    if parts and isinstance(parts[0], Waves):
        waves, parts = parts[0], parts[1:]
    while parts and isinstance(parts[-1], nn.Flatten | nn.Unflatten):
        parts.pop()
    tanh = bool(parts) and type(parts[-1]) is nn.Tanh
    return _assembled(network, parts[:-1] if tanh else parts, signs, waves, tanh)


def _assembled(network: nn.Module, parts: list[nn.Module], signs: int, waves: Waves | None, tanh: bool) -> Chain | None:
    layers, between = parts[::2], parts[1::2]
    if len(layers) != len(between) + 1 or any(type(layer) is not nn.Linear for layer in layers[1:]):
        return None
    if type(layers[0]) not in (nn.Linear, Ranked) or (type(layers[0]) is Ranked and (signs or waves)):
        return None
    linears = tuple(layer for layer in layers if isinstance(layer, nn.Linear))
    lower = [_lower(part) for part in between]
    own = [parameter for linear in linears for parameter in linear.parameters()]
    whole = len(own) == 2 * len(linears) and all(a is b for a, b in zip(own, network.parameters(), strict=False))
    learned = len({*own}) == len(own) == len([*network.parameters()]) and all(p.requires_grad for p in own)
    learned = learned and all(p.is_contiguous() for p in own)  # a fused optimiser walks through raw memory
    if None in lower or not whole or not learned:
        return None
    return Chain(linears, tuple(slope for slope in lower if slope is not None), signs, waves, tanh)


def _lower(part: nn.Module) -> float | None:
    if type(part) is nn.LeakyReLU and part.negative_slope >= 0:  # else the mask does not show in what it made
        return float(part.negative_slope)
    return LOWER.get(type(part))


def _parts(network: nn.Module) -> list[nn.Module] | None:
    """The layers in their order, nested ones too; None if hooks hang on any or on a weight: they would not be heard."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    heard = any(getattr(module, name) for module in network.modules() for name in hooks)
    if heard or any(parameter._backward_hooks for parameter in network.parameters()):
        return None
    if type(network) not in (nn.Sequential, MLP):
        return [network]
    return [leaf for child in network.children() for leaf in _parts(child) or []]
