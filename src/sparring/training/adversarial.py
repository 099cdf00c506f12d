"""Adversarial games: the turns that a recipe makes of two networks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import InputError
from sparring.networks import Average, has_batch_statistics, spares_global_rng, treats_samples_apart
from sparring.objectives import Moments, clip_weights, scores
from sparring.training.chain_game import chain_game
from sparring.training.recipe import Recipe
from sparring.training.schedules import constant_then_cosine
from sparring.training.slopes import Critic
from sparring.training.turn import Game, Loss, Round, Turn, do_nothing, is_own

__all__ = ["adversarial_game", "packed"]


def packed(x: Tensor, m: int) -> Tensor:
    """Samples (n, c, ...) as packs of m, joined along their first dimension: (n / m, m c, ...).

    Source: Lin et al. 2018 (PacGAN), section 3.

    >>> packed(torch.arange(8).view(4, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    return x if m == 1 else x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def adversarial_game(
    generator: nn.Module,
    critic: nn.Module,
    latent_size: int,
    recipe: Recipe,
    steps: int,
    *,
    ranks: int = 1,
    moments: Moments | None = None,
) -> Game:
    """Algorithm 1: the critic learns k times, then the generator once, every turn on fresh noise.

    generator: (n, latent_size) to samples. critic: samples to scores (n,); with recipe.pack = m it
    takes packs of m samples. Where batches carry labels, both take them as a second argument, and
    a fake is made for the label of every real sample. With recipe.shared the generator learns on the critic's fakes.
    steps: the length of the whole run, which the schedules need.
    moments: of the real rows, which the generator is held to if the recipe gives that a weight.
    Each critic's turn reads a fresh batch; the generator's reads one only if its objective needs
    real scores. Raises InputError for what makes the game meaningless (see ``_refuse_nonsense``).
    Source: Goodfellow et al. 2014, Algorithm 1; the lecture. Different from it: both players
    descend, on losses with the signs turned where the paper ascends.
    """
    _refuse_nonsense(generator, critic, recipe, ranks)
    average = Average(generator, recipe.half_life)
    sides = _Sides(generator, critic, latent_size, recipe)
    written = (recipe.objective.critic, recipe.objective.generator, *(one.of for one in recipe.penalties), recipe.noise)
    quiet = spares_global_rng(generator) and spares_global_rng(critic) and all(map(is_own, written))
    weights = tuple(critic.parameters())
    short = chain_game(generator, critic, sides.noise, sides.shown, recipe, steps)
    clip = do_nothing if recipe.clip is None else partial(clip_weights, weights, recipe.clip)
    critic_turn = Turn(
        "critic",
        critic,
        recipe.optimizer(weights, lr=recipe.critic_rate),
        _critic_loss(sides, steps),
        repeats=recipe.critic_steps,
        rate=constant_then_cosine(recipe.critic_rate, steps, recipe.hold),
        after=clip,
        draws=not quiet,
        gradients=None if short is None else short.critics,
    )
    generator_turn = Turn(
        "generator",
        generator,
        recipe.optimizer(generator.parameters(), lr=recipe.generator_rate),
        _generator_loss(sides, moments if recipe.moments else None),
        rate=constant_then_cosine(recipe.generator_rate, steps, recipe.hold),
        after=average.update,
        reads=recipe.objective.needs_real,
        draws=not quiet,
        gradients=None if short is None or short.generator is None else short.generators,
    )
    parts: dict[str, Any] = {"generator": generator, "critic": critic, "average": average}
    optimizers = {f"{turn.name} optimizer": turn.optimizer for turn in (critic_turn, generator_turn)}
    return Game((critic_turn, generator_turn), parts | optimizers)


@dataclass(frozen=True)
class _Sides:
    """The two networks, and how each is called."""

    generator: nn.Module
    critic: nn.Module
    latent_size: int
    recipe: Recipe

    def fakes(self, round: Round) -> Tensor:
        """As many as the batch has rows, each of its row's label."""
        return self.generator(self.noise(round), *round.batch[1:])

    def noise(self, round: Round) -> Tensor:
        return round.chance.draw(self.recipe.noise, len(round.batch[0]), self.latent_size)

    def shown(self, round: Round) -> Tensor:
        """To the critic, whose turn must not build a graph through the generator, unless that learns on the same."""
        with torch.set_grad_enabled(self.recipe.shared):
            fakes = self.fakes(round)
        if self.recipe.shared:
            round.scratch["fakes"] = fakes
        return fakes.detach()

    def learned_on(self, round: Round) -> Tensor:
        """By the generator."""
        return round.scratch["fakes"] if self.recipe.shared else self.fakes(round)

    def reals(self, round: Round) -> Tensor:
        return packed(round.batch[0], self.recipe.pack)

    def scorer(self, labels: tuple[Tensor, ...]) -> Critic:
        """The critic, told the labels."""
        return self.critic if not labels else lambda x: self.critic(x, *labels)


def _critic_loss(sides: _Sides, steps: int) -> Callable[[Round], Loss]:
    recipe = sides.recipe
    weights = [penalty.weight(steps) for penalty in recipe.penalties]
    score_both = _together if treats_samples_apart(sides.critic) else _apart

    def loss(round: Round) -> Loss:
        labels, real = round.batch[1:], sides.reals(round)
        fake = packed(sides.shown(round).to(real.dtype), recipe.pack)
        real_scores, fake_scores = score_both(sides.critic, real, fake, labels)
        total = objective = recipe.objective.critic(real_scores, fake_scores)
        terms = {"objective": objective, "real_score": real_scores, "fake_score": fake_scores}
        for penalty, weight in zip(recipe.penalties, weights, strict=True):
            if penalty.falls_due(round.step):
                terms[penalty.name] = penalty.of(sides.scorer(labels), real, fake, round.chance)
                total = total + weight(round.step) * terms[penalty.name]
        return Loss(total, terms)

    return loss


def _together(critic: nn.Module, real: Tensor, fake: Tensor, labels: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Both in one pass: the same scores for less time, if the critic treats samples apart."""
    both = scores(critic, torch.cat([real, fake]), *(torch.cat([label, label]) for label in labels))
    return both[: len(real)], both[len(real) :]


def _apart(critic: nn.Module, real: Tensor, fake: Tensor, labels: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Two passes, so that each has batch statistics of its own (as Radford et al. 2016)."""
    return scores(critic, real, *labels), scores(critic, fake, *labels)


def _generator_loss(sides: _Sides, moments: Moments | None) -> Callable[[Round], Loss]:
    objective, pack = sides.recipe.objective, sides.recipe.pack

    def loss(round: Round) -> Loss:
        labels, made = round.batch[1:], sides.learned_on(round)
        fake_scores = scores(sides.critic, packed(made, pack), *labels)
        real_scores = None
        if objective.needs_real:
            with torch.no_grad():  # the reals are a yardstick here; no gradient reaches the generator through them
                real_scores = scores(sides.critic, sides.reals(round), *labels)
        total = objective.generator(real_scores, fake_scores)
        if moments is None:
            return Loss(total)
        gap = moments.gap(made)
        return Loss(total + sides.recipe.moments * gap, {"objective": total, "moments": gap})

    return loss


def _refuse_nonsense(generator: nn.Module, critic: nn.Module, recipe: Recipe, ranks: int) -> None:
    """Batch normalisation where it undoes a constraint or splits over ranks, and packs that do not fill a batch."""
    mixes = has_batch_statistics(critic)
    if recipe.penalties and mixes:
        raise InputError(
            "the critic has batch normalisation, so a score depends on the other samples of its batch and the "
            f"{recipe.penalties[0].name} penalty on its slope means nothing. Use layer normalisation or none."
        )
    if recipe.spectral and mixes:
        raise InputError(
            "the critic has batch normalisation, which scales again what spectral normalisation has scaled to a slope "
            "of one. Use one of the two."
        )
    if ranks > 1 and (mixes or has_batch_statistics(generator)):
        raise InputError(
            "batch normalisation sees only one rank's part of a batch, so several ranks would not equal one. "
            "Use networks without it, or one process."
        )
    if recipe.pack < 1 or recipe.batch_size % (recipe.pack * ranks):
        raise InputError(
            f"batches of {recipe.batch_size} cannot be packed by {recipe.pack} on {ranks} process(es); "
            f"batch_size must be a multiple of {max(recipe.pack, 1) * ranks}"
        )
