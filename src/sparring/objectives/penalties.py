"""Penalties on the slope of a critic: per sample, and always in float32.

Each takes a callable and points, makes its own pass, and gives a scalar without a weight. The
slope of a sample's score with respect to the sample has a meaning only if the score does not
depend on batch mates: a critic with batch normalisation is refused where a game is made.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sparring.objectives.adversarial import scores

__all__ = ["one_centred", "r1", "r2"]

Critic = Callable[[Tensor], Tensor]


def _slopes(critic: Critic, x: Tensor) -> Tensor:
    """grad_x C(x) of every sample, flattened to (n, size), itself differentiable."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.detach().to(torch.promote_types(x.dtype, torch.float32)).requires_grad_()
        total = scores(critic, x).sum()  # each score depends on its own sample only, so the sum tells them apart
        (slopes,) = torch.autograd.grad(total, x, create_graph=True)
    return slopes.flatten(1)


def r1(critic: Critic, real: Tensor) -> Tensor:
    """Mean squared slope at real samples: mean_i ||grad_x C(x_i)||^2.

    real: (n, ...). Returns a scalar >= 0. The paper weighs it with gamma / 2.
    Source: Mescheder et al. 2018, eq. 9.
    """
    return _slopes(critic, real).square().sum(1).mean()


def r2(critic: Critic, fake: Tensor) -> Tensor:
    """Mean squared slope at generated samples. Source: Mescheder et al. 2018, eq. 10."""
    return r1(critic, fake)


def one_centred(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean squared distance of the slope's norm from one, between real and fake.

    mean_i (||grad_x C(x_i)|| - 1)^2 at x_i = t_i fake_i + (1 - t_i) real_i.
    real, fake: (n, ...), equal shapes. mix: one t_i in [0, 1) per sample, shape (n,).
    Returns a scalar >= 0. The paper weighs it with 10.
    Source: Gulrajani et al. 2017, eq. 3.
    """
    t = mix.view(-1, *[1] * (real.dim() - 1))
    return (_slopes(critic, torch.lerp(real, fake.to(real.dtype), t)).norm(dim=1) - 1).square().mean()
