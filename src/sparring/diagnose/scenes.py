"""What probes look at, and what they see there: a critic's scores and slopes, and the samples' quality."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparring.diagnose.yardstick import Yardstick
from sparring.networks import evaluating
from sparring.objectives import scores
from sparring.training.adversarial import packed
from sparring.transport.clouds import distances
from sparring.transport.exact import cheapest

__all__ = ["Scene"]

POWER = 12  # steps of the power iteration
SLOPES = 64  # rows at which the critic's slope is taken


@dataclass(frozen=True)
class Scene:
    """What the probes look at. All of it stays the same for a whole run.

    generator, critic: as they learn; None for a critic that does not. real: encoded rows, with their labels if there
    are any; learned: encoded rows that were learned from, where ``real`` was not. noise: (n, z), or what else the
    generator makes samples from. pack: as in PacGAN. samples: makes as many samples of the averaged generator as the
    yardstick takes, in the data's own kind.
    """

    generator: nn.Module
    critic: nn.Module | None
    real: tuple[Tensor, ...]
    learned: tuple[Tensor, ...] | None
    noise: Tensor
    pack: int
    samples: Callable[[], Any]
    yardstick: Yardstick | None

    def fakes(self) -> Tensor:
        """(n, ...), one for the label of every real row."""
        return self.generator(self.noise, *self.real[1:]).to(self.real[0].dtype)

    def score(self, x: Tensor, *labels: Tensor) -> Tensor:
        assert self.critic is not None
        return scores(self.critic, packed(x, self.pack), *labels)

    def figures(self, chosen: Sequence[str]) -> dict[str, float]:
        """What the probes of these names see: of the critic, and of the samples."""
        found: dict[str, float] = {}
        if self.critic is not None:
            with evaluating(self.generator, self.critic):
                found |= _of_critic(self, chosen)
        if "samples" in chosen and self.yardstick is not None:
            samples = np.asarray(self.samples())
            usable = np.isfinite(samples.astype(np.float64)).all()
            figures = self.yardstick.figures(samples) if usable else {"w1": math.nan}
            found |= {f"samples/{name}": value for name, value in figures.items()}
        return found


def _of_critic(scene: Scene, chosen: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    with torch.no_grad():
        fake = scene.fakes()
        real_scores, fake_scores = scene.score(*scene.real), scene.score(fake, *scene.real[1:])
        learned = None if scene.learned is None else scene.score(*scene.learned)
    if "scores" in chosen:
        found |= _of_scores(real_scores, fake_scores, learned)
    if {"slope", "estimate"} & set(chosen):
        slopes = _slopes(scene, fake)
        if "slope" in chosen:
            found["critic/slope"] = float(slopes.mean())
        if "estimate" in chosen and scene.pack == 1 and torch.isfinite(fake).all():
            steepest = max(float(slopes.max()), float(_slopes(scene, scene.real[0]).max()), 1e-12)
            found["critic/estimate"] = float((real_scores - fake_scores.float()).mean()) / steepest / _w1(scene, fake)
    if "singular" in chosen:
        found |= {
            f"critic layer {i}/singular": value for i, value in enumerate(_singular(scene.critic or nn.Identity()), 1)
        }
    return found


def _of_scores(real: Tensor, fake: Tensor, learned: Tensor | None) -> dict[str, float]:
    """How well the critic tells real from fake rows, and how its scores spread."""
    real, fake = real.cpu(), fake.cpu()
    both = torch.cat([real, fake]).double()
    found = {
        "critic/auc": _auc(real, fake),
        "critic/accuracy": float(((real > 0).double().mean() + (fake <= 0).double().mean()) / 2),
        "critic/score_spread": float(both.std(correction=0)),
        "critic/score_size": float(both.abs().max()),
    }
    return found if learned is None else found | {"critic/memory": _auc(learned, real)}


def _auc(higher: Tensor, lower: Tensor) -> float:
    """P(a score of the first is above one of the second), ties counting half: the area under the ROC curve."""
    gains = higher.cpu().double()[:, None] - lower.cpu().double()[None]
    return float(((gains.sign() + 1) / 2).mean())


def _slopes(scene: Scene, x: Tensor) -> Tensor:
    """The Euclidean norm of the critic's gradient at some of the samples."""
    some = SLOPES - SLOPES % scene.pack
    with torch.enable_grad():
        point = x[:some].detach().requires_grad_()
        slope = torch.autograd.grad(scene.score(point, *(label[:some] for label in scene.real[1:])).sum(), point)[0]
    return slope.flatten(1).norm(dim=1)


def _singular(network: nn.Module) -> list[float]:
    """The largest singular value of every layer's weight, as a matrix of outputs and all else, by power iteration.

    It starts from the same vector each time. Source: Miyato et al. 2018, section 2.1, for filters as such a matrix.
    """
    found = []
    for weight in (p.detach() for p in network.parameters() if p.dim() > 1):
        matrix = weight.flatten(1).float()
        v = torch.linspace(1.0, 2.0, matrix.shape[1], device=matrix.device)
        for _ in range(POWER):
            v = matrix.T @ (matrix @ v)
            v = v / v.norm().clamp(min=1e-12)
        found.append((matrix @ v).norm())
    return torch.stack(found).tolist() if found else []


def _w1(scene: Scene, fake: Tensor) -> float:
    """Exact Wasserstein-1 between the probe's fakes and reals, as the critic sees them."""
    points = [x.detach().flatten(1).cpu().double().numpy() for x in (fake, scene.real[0])]
    n = len(points[0])
    cost = cheapest(distances(*points), np.full(n, 1 / n), np.full(n, 1 / n)).cost
    return max(cost, 1e-12)
