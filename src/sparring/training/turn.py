"""A turn of one learner, a game of turns, and the one function that plays a turn."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sparring.chance import Chance
from sparring.errors import Diverged
from sparring.place import Place
from sparring.rerouting import Redirection, redirected_calls, redirected_draws
from sparring.training.adam import Adam
from sparring.training.checkpoint import Stateful
from sparring.training.uncompiled import spare_compiler

__all__ = ["Finiteness", "Game", "Loss", "Played", "Round", "Turn", "do_nothing", "is_own", "play"]

spare_compiler()


@dataclass(frozen=True, slots=True)
class Loss:
    """What a learner minimises, a scalar, and named parts of it or beside it for the record.

    terms: tensors of any shape; the record keeps their mean.
    """

    total: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(slots=True)
class Round:
    """What the turns of one round share.

    step: rounds played before this one. batch: the batch last read. chance: the run's draws.
    scratch: what one turn makes for another; forgotten after the round.
    """

    step: int
    chance: Chance
    batch: tuple[Tensor, ...] = ()
    scratch: dict[str, Any] = field(default_factory=dict)


def do_nothing() -> None:
    """What is done after an update if nothing is."""


def is_own(function: Callable[..., Any]) -> bool:
    """Whether a function is this library's or torch's, so that it is known to draw from no global random state."""
    inner = function.func if isinstance(function, partial) else function
    module = getattr(inner, "__module__", None) or ("torch" if isinstance(inner, BuiltinFunctionType) else "")
    return module.partition(".")[0] in ("sparring", "torch")


@dataclass(frozen=True)
class Turn:
    """A learner and how it learns.

    name: in rows and messages.
    module: the network that learns, in training mode while it plays.
    optimizer: over the parameters that learn, none else are touched.
    loss: Round -> Loss.
    repeats: how often per round (k of Algorithm 1), or a function of the step.
    rate: the learning rate as a function of the step, written into the optimiser before the update; None leaves it.
    after: called after an update (clipping, averaging).
    reads: whether every repeat takes a fresh batch.
    draws: whether its layers or its loss may draw from torch's global random state, as torch's own dropout does. They
        are made to draw from the run's generator instead, which costs time; False spares it.
    gradients: Round -> the loss and its gradients, one for each parameter, where there is a quicker way to both than
        autograd; it is taken in float32 only.
    clip: the norm that the whole gradient is scaled down to where it is larger (Pascanu et al. 2013, Algorithm 1); the
        record has its norm from before.
    within: makes the context that the loss and its gradient are computed in (noise on the weights).
    """

    name: str
    module: nn.Module
    optimizer: Optimizer
    loss: Callable[[Round], Loss]
    repeats: int | Callable[[int], int] = 1
    rate: Callable[[int], float] | None = None
    after: Callable[[], None] = do_nothing
    reads: bool = True
    draws: bool = True
    gradients: Callable[[Round], tuple[Loss, list[Tensor]]] | None = None
    clip: float | None = None
    within: Callable[[], AbstractContextManager[None]] = nullcontext
    parameters: tuple[Tensor, ...] = field(init=False, repr=False)
    _of_loss: Redirection | None = field(init=False, repr=False)  # how draws are kept from torch's global state
    _of_update: Redirection | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = tuple(parameter for group in self.optimizer.param_groups for parameter in group["params"])
        object.__setattr__(self, "parameters", found)
        scripted = any(isinstance(module, torch.jit.ScriptModule) for module in self.module.modules())
        redirection = redirected_draws if scripted else redirected_calls
        object.__setattr__(self, "_of_loss", redirection if self.draws else None)
        object.__setattr__(self, "_of_update", None if is_own(type(self.optimizer)) else redirection)

    def times(self, step: int) -> int:
        """How often the turn is played in the round after ``step`` rounds."""
        return self.repeats if isinstance(self.repeats, int) else self.repeats(step)


@dataclass(frozen=True)
class Game:
    """Turns, and the parts whose state a checkpoint saves (networks, averages, optimisers)."""

    turns: tuple[Turn, ...]
    parts: Mapping[str, Stateful]


@dataclass(frozen=True, slots=True)
class Played:
    """What a turn left behind, still on its device: its loss, each parameter's gradient norm, the learning rate."""

    loss: Loss
    norms: Sequence[Tensor]
    rate: float

    @property
    def gradient(self) -> Tensor:
        """The norm of the whole gradient."""
        return torch.linalg.vector_norm(torch.stack(list(self.norms)))


class Finiteness:
    """Watches that losses and gradients are finite.

    On a CPU each turn is looked at before its update, so the weights stay good. Elsewhere that
    would wait for the device every step: there the first bad step is noted on the device, and
    ``confirm`` raises (the loop calls it now and then, and before anything is saved).
    """

    def __init__(self) -> None:
        self._first_bad: dict[str, Tensor] = {}

    def look(self, turn: str, step: int, loss: Tensor, norms: Sequence[Tensor]) -> None:
        if loss.device.type == "cpu":
            self._judge(turn, step, loss.item(), sum(norm.item() for norm in norms))
            return
        bad = torch.where((loss + torch.stack(list(norms)).sum()).isfinite(), torch.inf, float(step))
        earlier = self._first_bad.get(turn)
        self._first_bad[turn] = bad if earlier is None else torch.minimum(earlier, bad)

    def confirm(self) -> None:
        """Raise Diverged if anything noted on the device was not finite."""
        for turn, step in self._first_bad.items():
            if step.isfinite():
                raise Diverged(turn, int(step) + 1, "loss or gradient")

    @staticmethod
    def _judge(turn: str, step: int, loss: float, gradient: float) -> None:
        # NaN and infinities give NaN here, and only NaN differs from itself: no call of isfinite
        if loss - loss == 0.0 and gradient - gradient == 0.0:
            return
        raise Diverged(turn, step + 1, "loss" if loss - loss != 0.0 else "gradient")


def play(turn: Turn, round: Round, place: Place, finiteness: Finiteness) -> Played:
    """Play a turn once: loss, gradient for its learner alone, mean over the ranks, update.

    Raises Diverged, before the update on a CPU, if the loss or the gradient is not finite.
    """
    if turn.gradients is not None and place.precision == "float32":
        loss, gradients = turn.gradients(round)
    else:
        loss, gradients = _differentiated(turn, round, place)
    place.average([*gradients, loss.total])
    norms = torch._foreach_norm(gradients)
    finiteness.look(turn.name, round.step, loss.total, norms)
    if turn.clip is not None:
        _clip(gradients, norms, turn.clip)
    with round.chance.redirected(turn._of_update):
        rate = _update(turn, round.step, gradients)
    turn.after()
    return Played(loss, norms, rate)


def _differentiated(turn: Turn, round: Round, place: Place) -> tuple[Loss, list[Tensor]]:
    with turn.within():
        with place.autocast(), round.chance.redirected(turn._of_loss):
            loss = turn.loss(round)
        return Loss(loss.total.detach(), loss.terms), _gradients(loss.total, turn.parameters)


def _gradients(total: Tensor, parameters: tuple[Tensor, ...]) -> list[Tensor]:
    """d total / d parameter, for these parameters only: nothing is computed to be thrown away."""
    found = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    # a fused optimiser walks through raw memory: a gradient laid out otherwise than its weight
    # (convolutions give channels-last ones) would update the wrong weights, without a word
    return [
        gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)
        for gradient, parameter in zip(found, parameters, strict=True)
    ]


def _clip(gradients: list[Tensor], norms: Sequence[Tensor], most: float) -> None:
    """Scale all gradients by one factor: their common norm becomes at most ``most``. Nothing waits for a device."""
    whole = torch.linalg.vector_norm(torch.stack(list(norms)))
    torch._foreach_mul_(gradients, (most / whole.clamp(min=1e-12)).clamp(max=1.0))


def _update(turn: Turn, step: int, gradients: list[Tensor]) -> float:
    if turn.rate is not None:
        rate = turn.rate(step)
        for group in turn.optimizer.param_groups:
            group["lr"] = rate
    if isinstance(turn.optimizer, Adam):
        turn.optimizer.update(gradients)
    else:
        _step(turn, gradients)
    return turn.optimizer.param_groups[0]["lr"]


def _step(turn: Turn, gradients: list[Tensor]) -> None:
    for parameter, gradient in zip(turn.parameters, gradients, strict=True):
        parameter.grad = gradient
    turn.optimizer.step()
    for parameter in turn.parameters:
        parameter.grad = None
