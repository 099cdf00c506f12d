"""Penalties on the critic's slope as a game calls them: with both kinds of samples, and the run's draws."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from sparring.chance import Chance
from sparring.objectives import one_centred, r1, r2

__all__ = ["PENALTIES", "Critic", "SlopePenalty"]

Critic = Callable[[Tensor], Tensor]
SlopePenalty = Callable[[Critic, Tensor, Tensor, Chance], Tensor]


def _r1(critic: Critic, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return r1(critic, real)


def _r2(critic: Critic, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return r2(critic, fake)


def _one_centred(critic: Critic, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return one_centred(critic, real, fake, chance.uniform(len(real)))


PENALTIES: Mapping[str, SlopePenalty] = MappingProxyType({"r1": _r1, "r2": _r2, "one_centred": _one_centred})
"""By name: (critic, real, fake, chance) to a scalar without weight."""
