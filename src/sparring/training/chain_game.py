"""An adversarial game's two gradients written out, where both networks are chains (see ``training.chains``)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sparring.training.chains import Chain, Tape, chain_of
from sparring.training.slopes import PENALTIES
from sparring.training.turn import Loss, Round

if TYPE_CHECKING:
    from sparring.training.adversarial import Penalty, Recipe

__all__ = ["ChainGame", "chain_game"]


def chain_game(
    generator: nn.Module, critic: nn.Module, latent_size: int, recipe: "Recipe", steps: int
) -> "ChainGame | None":
    """The game of two chains, or None where the formulas do not hold: other networks, packs, penalties of the user's.

    The losses, the gradients and the draws are those of autograd's way, up to rounding.
    """
    chains = chain_of(generator), chain_of(critic)
    known = all(penalty.of in PENALTIES.values() for penalty in recipe.penalties)
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
    recipe: "Recipe"
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
        due = {p: p.weight(self.steps)(round.step) for p in self.recipe.penalties if p.falls_due(round.step)}
        for penalty, value, further in self._penalties(due, tape, real, fake, round):
            terms[penalty.name] = value
            total = total + due[penalty] * value
            if further is not None:
                torch._foreach_add_(gradients[::2], further)  # the biases' stand between
        return Loss(total, terms), gradients

    def _objective(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's objective, and its derivative by the real and the fake scores."""
        with torch.enable_grad():
            leaf = both.detach().requires_grad_()
            value = self.recipe.objective.critic(leaf[0], leaf[1])
        (delta,) = torch.autograd.grad(value, leaf)
        return value.detach(), delta

    def _penalties(
        self, due: "dict[Penalty, float]", tape: Tape, real: Tensor, fake: Tensor, round: Round
    ) -> "Iterator[tuple[Penalty, Tensor, list[Tensor] | None]]":
        """Each penalty without its weight, and the gradients of the critic's weights with it.

        R1 and R2 of one weight are taken in one pass; the gradients of both come with the first.
        """
        n = len(real)
        plain = [penalty for penalty in due if penalty.of is not PENALTIES["one_centred"]]
        both = {p.of for p in plain} == {PENALTIES["r1"], PENALTIES["r2"]} and len({due[p] for p in plain}) == 1
        if both and len(plain) == 2:
            sums, further = self._zero_centred(tape, 2 * due[plain[0]] / n)
            for penalty in plain:
                half = sums[:n] if penalty.of is PENALTIES["r1"] else sums[n:]
                yield penalty, half.mean(), further if penalty is plain[0] else None
        for penalty, weight in due.items():
            if penalty.of is PENALTIES["one_centred"]:
                yield penalty, *self._one_centred(real, fake, 2 * weight / n, round)
            elif not both or len(plain) != 2:
                part = tape.part(0, n) if penalty.of is PENALTIES["r1"] else tape.part(n, 2 * n)
                sums, further = self._zero_centred(part, 2 * weight / n)
                yield penalty, sums.mean(), further

    def _zero_centred(self, part: Tape, factor: float) -> tuple[Tensor, list[Tensor]]:
        """The squared slope of every sample, and ``factor`` / 2 times the gradients of their sum."""
        received, slopes = self.critic.slopes(part)
        return slopes.square().sum(1), self.critic.slope_gradients(part, received, slopes * factor)

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
