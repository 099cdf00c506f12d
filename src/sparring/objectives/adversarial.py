"""What a critic and a generator minimise, as functions of scores.

A score is the critic's unbounded output C(x), shape (n,); where the lecture has a discriminator
with values in (0, 1), it is D(x) = 1 / (1 + e^-C(x)). With it

    -log D(x) = softplus(-C(x))        -log(1 - D(x)) = softplus(C(x))

exactly, for scores of any size. (log(sigmoid + 1e-8), which is often seen, loses its gradient:
at a score of -25 it has the slope 0.0014 where the truth has 1.)
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

from sparring.errors import ShapeError
from sparring.shapes import describe

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "MINIMAX",
    "NON_SATURATING",
    "RELATIVISTIC",
    "WASSERSTEIN",
    "Objective",
    "scores",
]


@dataclass(frozen=True)
class Objective:
    """A pair of losses, both minimised.

    critic(real, fake) and generator(real, fake): scores (n,) each, to a scalar. A generator's loss
    that does not need the real scores (needs_real is False) is given None for them.
    """

    name: str
    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    needs_real: bool = False


def scores(critic: Callable[..., Tensor], x: Tensor, *labels: Tensor) -> Tensor:
    """The critic's scores of samples (n, ...), shape (n,), in float32 or better.

    labels: of the samples, (n,), for a critic that is told the class. Raises ShapeError unless the critic
    gives one number per sample.
    """
    found = critic(x, *labels)
    if found.dim() == 2 and found.shape[1] == 1:
        found = found.squeeze(1)
    if found.shape != x.shape[:1]:
        raise ShapeError(
            f"the critic must return one score per sample, shape ({len(x)},); got {describe(tuple(found.shape))}. "
            "Does its last layer keep a channel?"
        )
    return found if found.dtype.itemsize >= 4 else found.float()


def _discriminate(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z)))"""
    return softplus(-real).mean() + softplus(fake).mean()


def _minimax(real: Tensor | None, fake: Tensor) -> Tensor:
    """E log(1 - D(G(z)))"""
    return -softplus(fake).mean()


def _non_saturating(real: Tensor | None, fake: Tensor) -> Tensor:
    """-E log D(G(z))"""
    return softplus(-fake).mean()


def _least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E (C(x) - 1)^2 + 1/2 E C(G(z))^2"""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _least_squares_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """1/2 E (C(G(z)) - 1)^2"""
    return (fake - 1).square().mean() / 2


def _hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - C(x)) + E max(0, 1 + C(G(z)))"""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E C(G(z)) - E C(x)"""
    return fake.mean() - real.mean()


def _raise_scores(real: Tensor | None, fake: Tensor) -> Tensor:
    """-E C(G(z))"""
    return -fake.mean()


def _relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E softplus(-(C(x) - C(G(z)))), over pairs"""
    return softplus(fake - real).mean()


def _relativistic_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """E softplus(-(C(G(z)) - C(x))), over pairs"""
    assert real is not None
    return softplus(real - fake).mean()


MINIMAX = Objective("minimax", _discriminate, _minimax)
"""min_G max_D E log D(x) + E log(1 - D(G(z))). Source: Goodfellow et al. 2014, eq. 1; the lecture."""

NON_SATURATING = Objective("non-saturating", _discriminate, _non_saturating)
"""The generator maximises E log D(G(z)) instead. Source: Goodfellow et al. 2014, section 3."""

LEAST_SQUARES = Objective("least-squares", _least_squares_critic, _least_squares_generator)
"""Scores are drawn to 1 for real and 0 for fake. Source: Mao et al. 2017, eq. 9 (a = 0, b = c = 1)."""

HINGE = Objective("hinge", _hinge_critic, _raise_scores)
"""Scores beyond 1 (real) and -1 (fake) teach no more. Source: Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17."""

WASSERSTEIN = Objective("wasserstein", _wasserstein_critic, _raise_scores)
"""min_G max_C E C(x) - E C(G(z)) over 1-Lipschitz C. Source: Arjovsky et al. 2017, eq. 2; the lecture."""

RELATIVISTIC = Objective("relativistic", _relativistic_critic, _relativistic_generator, needs_real=True)
"""Real and fake are judged in pairs. Source: Jolicoeur-Martineau 2019; Huang et al. 2024 (R3GAN), eq. 2."""
