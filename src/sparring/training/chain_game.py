"""An adversarial game's gradients written out, where its networks are chains (see ``training.chains``)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.precision import in_full
from sparring.training.chains import Chain, Tape, chain_of
from sparring.training.recipe import Recipe
from sparring.training.slopes import PENALTIES
from sparring.training.turn import Loss, Round

__all__ = ["ChainGame", "chain_game"]

R1, R2, ONE_CENTRED = (PENALTIES[name] for name in ("r1", "r2", "one_centred"))


def chain_game(
    generator: nn.Module,
    critic: nn.Module,
    noise: Callable[[Round], Tensor],
    shown: Callable[[Round], Tensor],
    recipe: Recipe,
    steps: int,
) -> "ChainGame | None":
    """The game of a critic that is a chain; None for other critics, packs, and penalties of the user's.

    The losses, the gradients and the draws are those of autograd's way, up to rounding. noise: for a round's fakes.
    shown: the fakes that the critic sees, where the generator is no chain or is to learn from the same ones.
    """
    judging, making = chain_of(critic), None if recipe.shared else chain_of(generator)
    kinds = [penalty.of for penalty in recipe.penalties]
    known = all(kind in PENALTIES.values() for kind in kinds) and len(set(kinds)) == len(kinds)
    if judging is None or recipe.pack > 1 or recipe.spectral or not known:
        return None
    if judging.outputs != 1 or judging.tanh or judging.signs:
        return None
    return ChainGame(making, judging, noise, shown, recipe, steps)


@dataclass(frozen=True)
class ChainGame:
    """The gradients of the turns, as ``Turn`` takes them; of the generator's only if that is a chain too."""

    generator: Chain | None
    critic: Chain
    noise: Callable[[Round], Tensor]
    shown: Callable[[Round], Tensor]
    recipe: Recipe
    steps: int

    # -- the critic's turn

    @in_full
    @torch.no_grad()
    def critics(self, round: Round) -> tuple[Loss, list[Tensor]]:
        real, critic = round.batch[0].flatten(1), self.critic.settled()
        fake = self._fakes(round).flatten(1).to(real.dtype)
        tape = critic.forward(torch.cat([real, fake]))
        both = tape.outputs.view(2, -1)
        objective, delta = self._objective(both)
        gradients = critic.gradients(tape, delta.view(-1, 1))
        total, terms = objective, {"objective": objective, "real_score": both[0], "fake_score": both[1]}
        for name, (weight, value) in self._penalised(critic, gradients[::2], tape, real, fake, round).items():
            terms[name] = value
            total = total + weight * value
        return Loss(total, terms), self.critic.owned(gradients)

    def _fakes(self, round: Round) -> Tensor:
        return self.shown(round) if self.generator is None else self.generator.values(self.noise(round))

    def _objective(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's objective, and its derivative by the real and the fake scores."""
        with torch.enable_grad():
            leaf = both.detach().requires_grad_()
            value = self.recipe.objective.critic(leaf[0], leaf[1])
        (delta,) = torch.autograd.grad(value, leaf)
        return value.detach(), delta

    def _penalised(
        self, critic: Chain, gradients: list[Tensor], tape: Tape, real: Tensor, fake: Tensor, round: Round
    ) -> dict[str, tuple[float, Tensor]]:
        """The penalties that fall due: name -> (weight, value without it). What they add to the gradients of the
        weights is added; biases change no slope.
        """
        falling = [penalty for penalty in self.recipe.penalties if penalty.falls_due(round.step)]
        due = {penalty.of: (penalty.name, penalty.weight(self.steps)(round.step)) for penalty in falling}
        found: dict[str, tuple[float, Tensor]] = {}
        if R1 in due or R2 in due:
            found |= _zero_centred(critic, gradients, tape, due.get(R1), due.get(R2))
        if ONE_CENTRED in due:
            name, weight = due[ONE_CENTRED]
            between = torch.lerp(real, fake, round.chance.uniform(len(real))[:, None])
            value, further = _one_centred(critic, between, 2 * weight / len(real))
            torch._foreach_add_(gradients, further)
            found[name] = weight, value
        return found

    # -- the generator's turn

    @in_full
    @torch.no_grad()
    def generators(self, round: Round) -> tuple[Loss, list[Tensor]]:
        assert self.generator is not None
        objective, critic = self.recipe.objective, self.critic.settled()
        made = self.generator.forward(self.noise(round))
        tape = critic.forward(made.outputs)
        real = critic.values(round.batch[0].flatten(1))[:, 0] if objective.needs_real else None
        with torch.enable_grad():
            scores = tape.outputs[:, 0].detach().requires_grad_()
            value = objective.generator(real, scores)
        (seed,) = torch.autograd.grad(value, scores)
        _, delta = critic.slopes(tape, seed[:, None])
        return Loss(value.detach()), self.generator.gradients(made, delta)


Due = tuple[str, float]  # a penalty's name and its weight at this step


def _zero_centred(
    critic: Chain, gradients: list[Tensor], tape: Tape, at_real: Due | None, at_fake: Due | None
) -> dict[str, tuple[float, Tensor]]:
    """R1, R2, or both in one pass over real and fake samples."""
    n = len(tape.outputs) // 2
    part = tape.part(0 if at_real else n, 2 * n if at_fake else n)
    due = [found for found in (at_real, at_fake) if found is not None]
    received, slopes = critic.slopes(part)
    values = slopes.square().sum(1).view(len(due), n).mean(1)
    for (_, weight), own in zip(due, slopes.split(n), strict=True):
        own *= 2 * weight / n
    torch._foreach_add_(gradients, critic.slope_gradients(part, received, slopes))
    return {name: (weight, value) for (name, weight), value in zip(due, values, strict=True)}


def _one_centred(critic: Chain, points: Tensor, factor: float) -> tuple[Tensor, list[Tensor]]:
    part = critic.forward(points)
    received, slopes = critic.slopes(part)
    norms = slopes.norm(dim=1, keepdim=True)
    along = slopes * ((norms - 1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)) * factor
    return (norms - 1).square().mean(), critic.slope_gradients(part, received, along)
