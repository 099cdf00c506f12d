"""Adversarial games: recipes with their settings, and the turns they make of two networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from sparring.chance import Chance
from sparring.errors import InputError
from sparring.networks import Average, has_batch_statistics, treats_samples_apart
from sparring.objectives import (
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    WASSERSTEIN,
    Objective,
    one_centred,
    r1,
    r2,
    scores,
)
from sparring.training.adam import Adam
from sparring.training.schedules import Schedule, constant_then_cosine, geometric
from sparring.training.turn import Game, Loss, Round, Turn

__all__ = ["RECIPES", "Penalty", "Recipe", "adversarial_game"]


@dataclass(frozen=True)
class Penalty:
    """A penalty on the critic's slope.

    name: as in the record. of: (critic, real, fake, chance) to a scalar without weight. first, last:
    the weight at the first and the last step, by equal factors between. every: the penalty is
    taken on every so-manieth step, and then weighs so many times more.
    """

    name: str
    of: Callable[[nn.Module, Tensor, Tensor, Chance], Tensor]
    first: float
    last: float
    every: int = 1

    def weight(self, steps: int) -> Schedule:
        return geometric(self.first * self.every, self.last * self.every, steps)

    def falls_due(self, step: int) -> bool:
        """Counted from one, so that it is there at every logged step."""
        return (step + 1) % self.every == 0


def _r1(critic: nn.Module, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return r1(critic, real)


def _r2(critic: nn.Module, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return r2(critic, fake)


def _one_centred(critic: nn.Module, real: Tensor, fake: Tensor, chance: Chance) -> Tensor:
    return one_centred(critic, real, fake, chance.uniform(len(real)))


@dataclass(frozen=True)
class Recipe:
    """The settings of an adversarial game; change any with ``dataclasses.replace``.

    critic_steps: k, the critic's turns per round. optimizer: makes an optimiser from parameters
    and a learning rate. generator_rate, critic_rate: at first; constant for the share ``hold`` of
    the steps, then half a cosine down to zero (hold=1: constant throughout). half_life: of the
    generator's moving average, in steps.
    """

    objective: Objective
    penalties: tuple[Penalty, ...] = ()
    critic_steps: int = 1
    optimizer: Callable[..., Optimizer] = partial(Adam, betas=(0.0, 0.99))
    generator_rate: float = 1e-3
    critic_rate: float = 1e-3
    hold: float = 0.5
    half_life: float = 500.0
    batch_size: int = 128
    steps: int = 20_000

    def with_rate(self, rate: float | None) -> "Recipe":
        """The same with another learning rate for the critic; the generator's keeps its proportion."""
        if rate is None:
            return self
        return replace(self, critic_rate=rate, generator_rate=rate * self.generator_rate / self.critic_rate)


def _r1_and_r2(first: float, last: float) -> tuple[Penalty, ...]:
    return (Penalty("r1", _r1, first, last, every=4), Penalty("r2", _r2, first, last, every=4))


def _r1_alone(first: float, last: float) -> tuple[Penalty, ...]:
    return _r1_and_r2(first, last)[:1]


def _penalised(objective: Objective, penalties: Callable[[float, float], tuple[Penalty, ...]]) -> Mapping[str, Recipe]:
    """The settings that did best in benchmarks/RESULTS.md, for each kind of data."""
    return {
        "table": Recipe(
            objective,
            penalties(0.05, 0.005),
            generator_rate=3e-3,
            critic_rate=3e-3,
            batch_size=512,
            steps=11_000,
        ),
        "small image": Recipe(
            objective,
            penalties(1.0, 1.0),
            generator_rate=1.5e-3,
            critic_rate=1.5e-3,
            half_life=1_000,
            batch_size=64,
            steps=5_000,
        ),
        "image": Recipe(
            objective, penalties(0.5, 0.5), generator_rate=2e-3, critic_rate=2e-3, batch_size=64, steps=10_000
        ),
    }


def _wgan_gp(weight: float) -> Recipe:
    adam = partial(Adam, betas=(0.0, 0.9))
    penalty = Penalty("one_centred", _one_centred, weight, weight)
    return Recipe(WASSERSTEIN, (penalty,), critic_steps=5, optimizer=adam, steps=5_000, half_life=200.0)


_GAN_2014 = Recipe(
    MINIMAX, optimizer=partial(SGD, momentum=0.5, fused=True), generator_rate=0.03, critic_rate=0.03, steps=20_000
)

RECIPES: Mapping[str, Mapping[str, Recipe]] = MappingProxyType(
    {
        "r3gan": _penalised(RELATIVISTIC, _r1_and_r2),
        "nonsaturating": _penalised(NON_SATURATING, _r1_alone),
        "wgan-gp": {"table": _wgan_gp(0.1), "small image": _wgan_gp(10.0), "image": _wgan_gp(10.0)},
        "gan-2014": dict.fromkeys(("table", "small image", "image"), _GAN_2014),
    }
)
"""Recipe name -> kind of data -> settings."""


def adversarial_game(
    generator: nn.Module, critic: nn.Module, latent_size: int, recipe: Recipe, steps: int, *, ranks: int = 1
) -> Game:
    """Algorithm 1: the critic learns k times, then the generator once, every turn on fresh noise.

    generator: (n, latent_size) to samples. critic: samples to scores (n,). steps: the length of the
    whole run, which the schedules need.
    Each critic's turn reads a fresh batch; the generator's reads one only if its objective needs
    real scores. Raises InputError for batch normalisation where it makes the game meaningless.
    Source: Goodfellow et al. 2014, Algorithm 1; the lecture. Different from it: both players
    descend, on losses with the signs turned where the paper ascends.
    """
    _refuse_batch_statistics(generator, critic, recipe, ranks)
    generator_rate = constant_then_cosine(recipe.generator_rate, steps, recipe.hold)
    critic_rate = constant_then_cosine(recipe.critic_rate, steps, recipe.hold)
    average = Average(generator, recipe.half_life)
    critic_turn = Turn(
        "critic",
        critic,
        recipe.optimizer(critic.parameters(), lr=recipe.critic_rate),
        _critic_loss(generator, critic, latent_size, recipe, steps),
        repeats=recipe.critic_steps,
        rate=critic_rate,
    )
    generator_turn = Turn(
        "generator",
        generator,
        recipe.optimizer(generator.parameters(), lr=recipe.generator_rate),
        _generator_loss(generator, critic, latent_size, recipe),
        rate=generator_rate,
        after=average.update,
        reads=recipe.objective.needs_real,
    )
    parts: dict[str, Any] = {"generator": generator, "critic": critic, "average": average}
    optimizers = {f"{turn.name} optimizer": turn.optimizer for turn in (critic_turn, generator_turn)}
    return Game((critic_turn, generator_turn), parts | optimizers)


def _critic_loss(
    generator: nn.Module, critic: nn.Module, latent_size: int, recipe: Recipe, steps: int
) -> Callable[[Round], Loss]:
    weights = [penalty.weight(steps) for penalty in recipe.penalties]
    score_both = _together if treats_samples_apart(critic) else _apart

    def loss(round: Round) -> Loss:
        real = round.batch[0]
        with torch.no_grad():  # the critic's turn must not build a graph through the generator
            fake = generator(round.chance.normal(len(real), latent_size)).to(real.dtype)
        real_scores, fake_scores = score_both(critic, real, fake)
        total = objective = recipe.objective.critic(real_scores, fake_scores)
        terms = {"objective": objective, "real_score": real_scores, "fake_score": fake_scores}
        for penalty, weight in zip(recipe.penalties, weights, strict=True):
            if penalty.falls_due(round.step):
                terms[penalty.name] = penalty.of(critic, real, fake, round.chance)
                total = total + weight(round.step) * terms[penalty.name]
        return Loss(total, terms)

    return loss


def _together(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one pass: the same scores for less time, if the critic treats samples apart."""
    both = scores(critic, torch.cat([real, fake]))
    return both[: len(real)], both[len(real) :]


def _apart(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Two passes, so that each has batch statistics of its own (as Radford et al. 2016)."""
    return scores(critic, real), scores(critic, fake)


def _generator_loss(
    generator: nn.Module, critic: nn.Module, latent_size: int, recipe: Recipe
) -> Callable[[Round], Loss]:
    def loss(round: Round) -> Loss:
        n = len(round.batch[0])
        fake_scores = scores(critic, generator(round.chance.normal(n, latent_size)))
        real_scores = None
        if recipe.objective.needs_real:
            with torch.no_grad():  # the reals are a yardstick here; no gradient reaches the generator through them
                real_scores = scores(critic, round.batch[0])
        return Loss(recipe.objective.generator(real_scores, fake_scores))

    return loss


def _refuse_batch_statistics(generator: nn.Module, critic: nn.Module, recipe: Recipe, ranks: int) -> None:
    if recipe.penalties and has_batch_statistics(critic):
        raise InputError(
            "the critic has batch normalisation, so a score depends on the other samples of its batch and the "
            f"{recipe.penalties[0].name} penalty on its slope means nothing. Use layer normalisation or none."
        )
    if ranks > 1 and (has_batch_statistics(critic) or has_batch_statistics(generator)):
        raise InputError(
            "batch normalisation sees only one rank's part of a batch, so several ranks would not equal one. "
            "Use networks without it, or one process."
        )
