"""Supervised learning as a game of one turn: the network lowers its error on batches of examples."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from sparring.chance import ambient_generator
from sparring.networks import spares_global_rng
from sparring.objectives import soft_threshold, weight_penalty
from sparring.training.adam import Adam
from sparring.training.backpropagation import Error, backpropagation
from sparring.training.schedules import Schedule
from sparring.training.turn import Game, Loss, Round, Turn, do_nothing, is_own

__all__ = ["gradient_descent", "supervised_game"]


def gradient_descent(network: nn.Module, eta: float, gamma: float = 0.0) -> SGD:
    """Gradient descent with learning rate eta and momentum gamma.

    The lecture: theta <- gamma theta + eta grad C, p <- p - theta. torch: v <- gamma v + grad C,
    p <- p - eta v. With a constant eta they are the same, theta = eta v. When eta changes they
    differ: the lecture's theta keeps the old eta in its memory, torch's next step is scaled by
    the new eta altogether.
    """
    return SGD(network.parameters(), lr=eta, momentum=gamma, fused=True)


def supervised_game(
    network: nn.Module,
    error: Error,
    optimizer: Optimizer,
    rate: Schedule | None = None,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    takes: int = 1,
    clip: float | None = None,
    called: Callable[..., Tensor] | None = None,
    weight_noise: float = 0.0,
) -> Game:
    """One turn: the network lowers ``error(outputs, targets[, weights])`` on batches of the same.

    takes: how many tensors of a batch are the network's inputs (sequences come with their lengths). clip: the largest
    norm of a gradient that is not scaled down (Turn). called: what gives the outputs; None: the network itself.
    weight_noise: deviation of the normal noise that is on the matrices while each gradient is taken (Graves 2011; every
    rank draws its own).

    l1, l2: the weights' penalties l1 sum |w| and l2 / 2 sum w^2, over matrices and filters; biases and
    the scales of normalisations are not penalised. The L1 term is lowered by a proximal step after each
    update, which makes weights exactly zero where their gradient is below l1 (gradients alone would
    only swing about zero).
    Source: the lecture, "techniques to avoid over-fitting"; Yun, Lozano & Yang 2021 for the step under Adam.
    """
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    answers = network if called is None else called
    plain = takes == 1 and called is None and not weight_noise

    def loss(round: Round) -> Loss:
        inputs, rest = round.batch[:takes], round.batch[takes:]
        outputs = answers(*inputs)
        value = error(outputs if outputs.dtype.itemsize >= 4 else outputs.float(), *rest)
        if not l1 and not l2:
            return Loss(value)
        total = value + weight_penalty(weights, 0.0, l2)
        if l1:
            with torch.no_grad():  # its share of the update is the proximal step
                lasso = weight_penalty(weights, l1)
            total = total + lasso
        return Loss(total, {"error": value, "penalty": total.detach() - value.detach()})

    def shrink() -> None:
        _shrink(weights, optimizer, l1)

    turn = Turn(
        "network",
        network,
        optimizer,
        loss,
        rate=rate,
        after=shrink if l1 else do_nothing,
        draws=not (spares_global_rng(network) and is_own(error)),
        gradients=_written_out(network, error, optimizer, weights, l1, l2) if plain else None,
        clip=clip,
        within=partial(_noisy, weights, weight_noise) if weight_noise else nullcontext,
    )
    return Game((turn,), {"network": network, "network optimizer": optimizer})


@contextmanager
def _noisy(weights: Sequence[Tensor], deviation: float) -> Iterator[None]:
    """Weights that are other than they are, for a while."""
    kept = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight in weights:
            weight.add_(_normal_like(weight), alpha=deviation)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(weights), kept)


def _normal_like(weight: Tensor) -> Tensor:
    """Standard normal numbers from the run's own generator."""
    return torch.empty_like(weight).normal_(generator=ambient_generator(weight.device))


def _written_out(
    network: nn.Module, error: Error, optimizer: Optimizer, weights: Sequence[Tensor], l1: float, l2: float
) -> Callable[[Round], tuple[Loss, list[Tensor]]] | None:
    """The same loss with its gradients by the lecture's formulas, where they hold."""
    chain = backpropagation(network, error)
    learning = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if chain is None or not _are_same(learning, list(network.parameters())):
        return None

    def gradients(round: Round) -> tuple[Loss, list[Tensor]]:
        value, found = chain(*round.batch)
        if not l1 and not l2:
            return Loss(value), found
        with torch.no_grad():
            penalty = torch.as_tensor(weight_penalty(weights, l1, l2))
            for weight, gradient in zip(learning, found, strict=True):
                if l2 and weight.dim() > 1:
                    gradient.add_(weight, alpha=l2)
        return Loss(value + penalty, {"error": value, "penalty": penalty}), found

    return gradients


def _are_same(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _shrink(weights: Sequence[Tensor], optimizer: Optimizer, l1: float) -> None:
    """The proximal step, as long as the optimiser's own steps are.

    A weight rests at zero where |gradient| <= l1, whatever the optimiser: under Adam both the gradient
    and l1 are divided by its running size, under momentum gamma both count 1 / (1 - gamma) times.
    """
    group = optimizer.param_groups[0]
    amount = group["lr"] * l1
    for weight in weights:
        if isinstance(optimizer, Adam):
            state = optimizer.state[weight]
            corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
            soft_threshold(weight, amount / (corrected.sqrt() + group["eps"]))
        else:
            soft_threshold(weight, amount / (1 - group.get("momentum", 0.0)))
