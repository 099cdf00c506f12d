"""The settings of an adversarial game."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from sparring.networks import Pair
from sparring.objectives import Objective
from sparring.training.adam import Adam
from sparring.training.schedules import Schedule, geometric
from sparring.training.slopes import SlopePenalty

__all__ = ["Penalty", "Recipe"]


@dataclass(frozen=True)
class Penalty:
    """A penalty on the critic's slope.

    name: as in the record. of: (critic, real, fake, chance) to a scalar without weight. first, last:
    the weight at the first and the last step, by equal factors between. every: the penalty is
    taken on every so-manieth step, and then weighs so many times more.
    """

    name: str
    of: SlopePenalty
    first: float
    last: float
    every: int = 1

    def weight(self, steps: int) -> Schedule:
        return geometric(self.first * self.every, self.last * self.every, steps)

    def falls_due(self, step: int) -> bool:
        """Counted from one, so that it is there at every logged step."""
        return (step + 1) % self.every == 0


@dataclass(frozen=True)
class Recipe:
    """The settings of an adversarial game; change any with ``dataclasses.replace``.

    objective: what the two minimise. penalties: on the critic's slope. clip: the bound that the
    critic's weights are brought into after each of its updates. spectral: whether the critic's layers are
    divided by their spectral norm. pack: m, how many samples the critic judges together, so that it
    sees their variety (Lin et al. 2018).
    critic_steps: k, the critic's turns per round, or a function of the step. optimizer: makes an
    optimiser from parameters and a learning rate. generator_rate, critic_rate: at first; constant for the
    share ``hold`` of the steps, then half a cosine down to zero (hold=1: constant throughout).
    shared: whether the generator learns on the fakes that the critic saw last, made once, as DCGAN's code has it;
    False: on fresh ones, as Algorithm 1 has it.
    moments: the weight of the gap between generated and real second moments in the generator's loss, for tables of
    mixed columns with ten rows or more for each number that a row is told by (see ``objectives.Moments``).
    half_life: of the generator's moving average, in steps. noise: its law, called as torch.randn is.
    latent_size: length of the noise, or a function of how many numbers a sample has; None: as many as a row has
    numbers, 2 to 64, and 64 for images. networks: how they are made; None: chosen for
    the data. batch_size: samples of a turn. steps: rounds of a run. passes: how often, at most, one turn sees each
    row in a run whose steps are left open (but for 300 steps at least), so that few rows are not learned by heart.
    """

    objective: Objective
    penalties: tuple[Penalty, ...] = ()
    clip: float | None = None
    spectral: bool = False
    pack: int = 1
    critic_steps: int | Callable[[int], int] = 1
    optimizer: Callable[..., Optimizer] = field(default=partial(Adam, betas=(0.0, 0.99)))
    generator_rate: float = 1e-3
    critic_rate: float = 1e-3
    hold: float = 0.5
    shared: bool = False
    moments: float = 0.0
    half_life: float = 500.0
    noise: Callable[..., Tensor] = torch.randn
    latent_size: int | Callable[[int], int] | None = None
    networks: Pair | None = None
    batch_size: int = 128
    steps: int = 20_000
    passes: float | None = None

    def with_rate(self, rate: float | None) -> "Recipe":
        """The same with another learning rate for the critic; the generator's keeps its proportion."""
        if rate is None:
            return self
        return replace(self, critic_rate=rate, generator_rate=rate * self.generator_rate / self.critic_rate)
