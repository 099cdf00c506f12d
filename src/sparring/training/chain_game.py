"""An adversarial game's two gradients written out, where both networks are chains (see ``training.chains``)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.training.chains import Chain, Tape, chain_of
from sparring.training.recipe import Recipe
from sparring.training.slopes import PENALTIES
from sparring.training.turn import Loss, Round

__all__ = ["ChainGame", "chain_game"]

R1, R2, ONE_CENTRED = (PENALTIES[name] for name in ("r1", "r2", "one_centred"))


def chain_game(
    generator: nn.Module, critic: nn.Module, latent_size: int, recipe: Recipe, steps: int
) -> "ChainGame | None":
    """The game of two chains, or None where the formulas do not hold: other networks, packs, penalties of the user's.

    The losses, the gradients and the draws are those of autograd's way, up to rounding.
    """
    chains = chain_of(generator), chain_of(critic)
    kinds = [penalty.of for penalty in recipe.penalties]
    known = all(kind in PENALTIES.values() for kind in kinds) and len(set(kinds)) == len(kinds)
    if chains[0] is None or chains[1] is None or recipe.pack > 1 or recipe.spectral or not known:
        return None
    critical = chains[1]
    if critical.outputs != 1 or critical.tanh or critical.signs:
        return None
    return ChainGame(chains[0], critical, latent_size, recipe, steps)


@dataclass(frozen=True)
class ChainGame:
    """The gradients of both turns, as ``Turn`` takes them."""

    generator: Chain
    critic: Chain
    latent_size: int
    recipe: Recipe
    steps: int

    def _noise(self, round: Round) -> Tensor:
        return round.chance.draw(self.recipe.noise, len(round.batch[0]), self.latent_size)

    # -- the critic's turn

    @torch.no_grad()
    def critics(self, round: Round) -> tuple[Loss, list[Tensor]]:
        real = round.batch[0].flatten(1)
        fake = self.generator.values(self._noise(round)).to(real.dtype)
        tape = self.critic.forward(torch.cat([real, fake]))
        both = tape.outputs.view(2, -1)
        objective, delta = self._objective(both)
        gradients = self.critic.gradients(tape, delta.view(-1, 1))
        total, terms = objective, {"objective": objective, "real_score": both[0], "fake_score": both[1]}
        for name, (weight, value) in self._penalised(gradients[::2], tape, real, fake, round).items():
            terms[name] = value
            total = total + weight * value
        return Loss(total, terms), gradients

    def _objective(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's objective, and its derivative by the real and the fake scores."""
        with torch.enable_grad():
            leaf = both.detach().requires_grad_()
            value = self.recipe.objective.critic(leaf[0], leaf[1])
        (delta,) = torch.autograd.grad(value, leaf)
        return value.detach(), delta

    def _penalised(
        self, gradients: list[Tensor], tape: Tape, real: Tensor, fake: Tensor, round: Round
    ) -> dict[str, tuple[float, Tensor]]:
        """The penalties that fall due: name -> (weight, value without it). What they add to the gradients of the
        weights is added; biases change no slope.
        """
        falling = [penalty for penalty in self.recipe.penalties if penalty.falls_due(round.step)]
        due = {penalty.of: (penalty.name, penalty.weight(self.steps)(round.step)) for penalty in falling}
        found: dict[str, tuple[float, Tensor]] = {}
        if R1 in due or R2 in due:
            found |= self._zero_centred(gradients, tape, due.get(R1), due.get(R2))
        if ONE_CENTRED in due:
            name, weight = due[ONE_CENTRED]
            value, further = self._one_centred(real, fake, 2 * weight / len(real), round)
            torch._foreach_add_(gradients, further)
            found[name] = weight, value
        return found

    def _zero_centred(
        self, gradients: list[Tensor], tape: Tape, at_real: tuple[str, float] | None, at_fake: tuple[str, float] | None
    ) -> dict[str, tuple[float, Tensor]]:
        """R1, R2, or both in one pass over real and fake samples."""
        n = len(tape.outputs) // 2
        part = tape.part(0 if at_real else n, 2 * n if at_fake else n)
        due = [found for found in (at_real, at_fake) if found is not None]
        received, slopes = self.critic.slopes(part)
        values = slopes.square().sum(1).view(len(due), n).mean(1)
        for (_, weight), own in zip(due, slopes.split(n), strict=True):
            own *= 2 * weight / n
        torch._foreach_add_(gradients, self.critic.slope_gradients(part, received, slopes))
        return {name: (weight, value) for (name, weight), value in zip(due, values, strict=True)}

    def _one_centred(self, real: Tensor, fake: Tensor, factor: float, round: Round) -> tuple[Tensor, list[Tensor]]:
        part = self.critic.forward(torch.lerp(real, fake, round.chance.uniform(len(real))[:, None]))
        received, slopes = self.critic.slopes(part)
        norms = slopes.norm(dim=1, keepdim=True)
        along = slopes * ((norms - 1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)) * factor
        return (norms - 1).square().mean(), self.critic.slope_gradients(part, received, along)

    # -- the generator's turn

    @torch.no_grad()
    def generators(self, round: Round) -> tuple[Loss, list[Tensor]]:
        objective = self.recipe.objective
        made = self.generator.forward(self._noise(round))
        tape = self.critic.forward(made.outputs)
        real = self.critic.values(round.batch[0].flatten(1))[:, 0] if objective.needs_real else None
        with torch.enable_grad():
            scores = tape.outputs[:, 0].detach().requires_grad_()
            value = objective.generator(real, scores)
        (seed,) = torch.autograd.grad(value, scores)
        _, delta = self.critic.slopes(tape, seed[:, None])
        return Loss(value.detach()), self.generator.gradients(made, delta)
