"""CycleGAN: two generators against two critics, and what the generators translate must come back.

    min over G, F of max over D_A, D_B of   L(G, D_B) + L(F, D_A) + L_cyc(F, G)

Two turns a round: both generators, then both critics, which see the fakes that the generators' turn made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sparring.errors import InputError
from sparring.networks import Average, has_batch_statistics, spares_global_rng, treats_samples_apart
from sparring.objectives import LEAST_SQUARES, Objective, cycle_consistency, identity
from sparring.training.adam import Adam
from sparring.training.buffer import Buffer
from sparring.training.recipe import Penalty
from sparring.training.schedules import constant_then_linear
from sparring.training.turn import Game, Loss, Round, Turn, is_own

__all__ = ["CycleRecipe", "Strays", "cycle_game"]

SIDES: tuple[str, str] = ("A", "B")
Strays = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(generator, its input, rows) -> how far what it makes is from the rows, a scalar"""


@dataclass(frozen=True)
class CycleRecipe:
    """The settings of a CycleGAN; change any with ``dataclasses.replace``.

    objective: of both adversarial games. adversarial: the weights of L(G, D_B) and L(F, D_A). cycle: of |F(G(a)) - a|
    and |G(F(b)) - b|. identity: of |F(a) - a| and |G(b) - b|. What weighs nothing is not computed, and a critic whose
    game weighs nothing does not learn: the paper's ablations are (0, 0) for either, or a cycle of (10, 0) or (0, 10).
    penalties: on the critics' slopes. buffer: past fakes that each critic is shown again (see ``Buffer``).
    generator_rate, critic_rate: constant for the share ``hold`` of the steps, then in a straight line down to zero.
    half_life: of the generators' moving average, in steps; 0: none. batch_size: of each side.
    hidden: of the perceptrons of vectors. width, blocks, halvings, kernel, norm: of ``ImageTranslator``; width, depth,
    norm: of ``PatchCritic``; a depth of None: a critic of whole images. direct: whether an image's generator adds what
    it draws to a linear map of the image's colours.
    Source of the defaults: Zhu et al. 2017, section 4; its networks are in ``training.cycle_recipes.PAPER``.
    """

    objective: Objective = LEAST_SQUARES
    adversarial: tuple[float, float] = (1.0, 1.0)
    cycle: tuple[float, float] = (10.0, 10.0)
    identity: tuple[float, float] = (0.0, 0.0)
    penalties: tuple[Penalty, ...] = ()
    buffer: int = 50
    optimizer: Callable[..., Optimizer] = field(default=partial(Adam, betas=(0.5, 0.999)))
    generator_rate: float = 2e-4
    critic_rate: float = 2e-4
    hold: float = 0.5
    half_life: float = 0.0
    batch_size: int = 1
    steps: int = 20_000
    hidden: tuple[int, ...] = (64, 64)
    width: int = 32
    blocks: int = 2
    halvings: int = 0
    kernel: int = 3
    depth: int | None = 2
    norm: str | None = None
    direct: bool = True


def _as_is(step: int) -> int:
    return step


def cycle_game(
    generators: nn.ModuleDict,
    critics: nn.ModuleDict,
    recipe: CycleRecipe,
    steps: int,
    *,
    own_step: Callable[[int], int] = _as_is,
    ranks: int = 1,
    strays: Mapping[str, Strays] | None = None,
) -> Game:
    """Both turns. Batches are (a, b), rows of either side, as many of each.

    generators: "G", which makes B of A, and "F", which makes A of B. critics: "A" and "B", samples to scores of any
    shape (n, ...): a critic of patches gives one for each. steps: of the game, which the schedules need; own_step: of
    the run's step, for a run that plays several games. strays: of a side, how far what becomes of some input there is
    from rows of it, (generator, input, rows) to a scalar, for cycles and identities; where there is none, |G(x) - y|.
    Raises InputError for weights that leave nothing to learn, and for what several ranks cannot share.
    """
    _refuse_nonsense(generators, critics, recipe, ranks)
    average = Average(generators, recipe.half_life)
    players = _Players(generators, critics, recipe, strays or {})
    buffers = {side: Buffer(recipe.buffer) for side in SIDES}
    written = (recipe.objective.critic, recipe.objective.generator, *(one.of for one in recipe.penalties))
    quiet = spares_global_rng(generators) and spares_global_rng(critics) and all(map(is_own, written))
    falling = partial(constant_then_linear, steps=steps, hold=recipe.hold)
    generator_rate, critic_rate = falling(recipe.generator_rate), falling(recipe.critic_rate)
    turns = [
        Turn(
            "generators",
            generators,
            recipe.optimizer(generators.parameters(), lr=recipe.generator_rate),
            partial(_generators_loss, players),
            rate=lambda step: generator_rate(own_step(step)),
            after=average.update,
            draws=not quiet,
        )
    ]
    if players.judged:
        weights = [parameter for side in players.judged for parameter in critics[side].parameters()]
        turns.append(
            Turn(
                "critics",
                critics,
                recipe.optimizer(weights, lr=recipe.critic_rate),
                partial(_critics_loss, players, buffers, steps, own_step),
                rate=lambda step: critic_rate(own_step(step)),
                reads=False,
                draws=not quiet,
            )
        )
    parts: dict[str, Any] = {"generators": generators, "critics": critics, "average": average}
    parts |= {f"{turn.name} optimizer": turn.optimizer for turn in turns}
    return Game(tuple(turns), parts | {f"buffer {side}": buffer for side, buffer in buffers.items()})


class _Players:
    """The four networks, and what of the game has weight."""

    def __init__(
        self,
        generators: nn.ModuleDict,
        critics: nn.ModuleDict,
        recipe: CycleRecipe,
        strays: Mapping[str, Strays],
    ) -> None:
        self.to = {"B": generators["G"], "A": generators["F"]}  # by the side that they make
        self.critics, self.recipe, self.strays = critics, recipe, strays
        self.apart = {side: treats_samples_apart(made) for side, made in self.to.items()}
        self.judges_apart = {side: treats_samples_apart(critics[side]) for side in SIDES}
        # L(G, D_B) is the first weight, and is of fakes of B; a cycle's and an identity's are of A first
        self.adversarial = dict(zip(reversed(SIDES), recipe.adversarial, strict=True))
        self.cycle = dict(zip(SIDES, recipe.cycle, strict=True))
        self.identity = dict(zip(SIDES, recipe.identity, strict=True))
        self.judged = [side for side in SIDES if self.adversarial[side]]

    def needed(self, side: str) -> bool:
        """Whether fakes of a side are wanted: to be judged, or to come back."""
        return bool(self.adversarial[side] or self.cycle[_other(side)])

    def made(self, side: str, source: Tensor, own: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """(fakes of a side, its own rows as its generator leaves them), None for what is not wanted; in one pass."""
        network, keeps = self.to[side], bool(self.identity[side]) and side not in self.strays
        if self.needed(side) and keeps and self.apart[side] and source.shape[1:] == own.shape[1:]:
            fakes, kept = network(torch.cat([source, own])).split([len(source), len(own)])
            return fakes, kept
        return (network(source) if self.needed(side) else None), (network(own) if keeps else None)

    def strayed(self, side: str, x: Tensor, rows: Tensor) -> Tensor:
        """How far what becomes of x on a side is from rows of it."""
        network = self.to[side]
        return self.strays[side](network, x, rows) if side in self.strays else cycle_consistency(network(x), rows)

    def scores(self, side: str, x: Tensor) -> Tensor:
        """Of samples, in float32 or better, of any shape (n, ...)."""
        found = self.critics[side](x)
        return found if found.dtype.itemsize >= 4 else found.float()


def _other(side: str) -> str:
    return "B" if side == "A" else "A"


def _generators_loss(players: _Players, round: Round) -> Loss:
    rows = dict(zip(SIDES, round.batch, strict=True))
    objective, terms, weighted = players.recipe.objective, {}, []
    fakes: dict[str, Tensor] = {}
    for side in reversed(SIDES):
        fake, kept = players.made(side, rows[_other(side)], rows[side])
        if players.identity[side]:
            left = players.strayed(side, rows[side], rows[side]) if kept is None else identity(kept, rows[side])
            terms[f"{side}/identity"] = left
            weighted.append(players.identity[side] * terms[f"{side}/identity"])
        if fake is not None:
            fakes[side] = fake
    for side, fake in fakes.items():
        if players.adversarial[side]:
            real_scores = None
            if objective.needs_real:
                with torch.no_grad():
                    real_scores = players.scores(side, rows[side])
            terms[f"{side}/adversarial"] = objective.generator(real_scores, players.scores(side, fake))
            weighted.append(players.adversarial[side] * terms[f"{side}/adversarial"])
        source = _other(side)
        if players.cycle[source]:
            terms[f"{source}/cycle"] = players.strayed(source, fake, rows[source])
            weighted.append(players.cycle[source] * terms[f"{source}/cycle"])
    round.scratch["fakes"] = {side: fake.detach() for side, fake in fakes.items()}
    return Loss(torch.stack(weighted).sum(), terms)


def _critics_loss(
    players: _Players, buffers: Mapping[str, Buffer], steps: int, own_step: Callable[[int], int], round: Round
) -> Loss:
    rows = dict(zip(SIDES, round.batch, strict=True))
    terms: dict[str, Tensor] = {}
    losses = []
    for side in players.judged:
        real = rows[side]
        fake = buffers[side].shown(round.scratch["fakes"][side], round.chance).to(real.dtype)
        real_scores, fake_scores = _both_scores(players, side, real, fake)
        total = players.recipe.objective.critic(real_scores, fake_scores)
        terms |= {f"{side}/real_score": real_scores, f"{side}/fake_score": fake_scores, f"{side}/objective": total}
        for penalty in players.recipe.penalties:
            if penalty.falls_due(round.step):
                found = penalty.of(partial(_whole_scores, players, side), real, fake, round.chance)
                terms[f"{side}/{penalty.name}"] = found
                total = total + penalty.weight(steps)(own_step(round.step)) * found
        losses.append(total)
    return Loss(torch.stack(losses).sum(), terms)


def _both_scores(players: _Players, side: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    if not players.judges_apart[side]:
        return players.scores(side, real), players.scores(side, fake)
    both = players.scores(side, torch.cat([real, fake]))
    return both[: len(real)], both[len(real) :]


def _whole_scores(players: _Players, side: str, x: Tensor) -> Tensor:
    """One score a sample, (n,): the mean over patches, whose slope a penalty is on."""
    found = players.scores(side, x)
    return found.flatten(1).mean(1) if found.dim() > 1 else found


def _refuse_nonsense(generators: nn.Module, critics: nn.Module, recipe: CycleRecipe, ranks: int) -> None:
    weights = {name: getattr(recipe, name) for name in ("adversarial", "cycle", "identity")}
    for name, pair in weights.items():
        if min(pair) < 0:
            raise InputError(f"{name} weights must be at least 0; got {pair}")
    if not any(map(sum, weights.values())):
        raise InputError("every weight is 0: the generators have nothing to learn")
    if recipe.penalties and has_batch_statistics(critics):
        raise InputError(
            "a critic has batch normalisation, so a score depends on the other samples of its batch and the "
            f"{recipe.penalties[0].name} penalty on its slope means nothing. Use another normalisation or none."
        )
    if ranks > 1 and (has_batch_statistics(critics) or has_batch_statistics(generators)):
        raise InputError(
            "batch normalisation sees only one rank's part of a batch, so several ranks would not equal one. "
            "Use networks without it, or one process."
        )
    if ranks > 1 and recipe.buffer:
        raise InputError("each process would have a buffer of its own; use buffer=0, or one process.")
