"""What is measured of a game while it is played, at stated steps, from rows and noise that stay the same.

Probes draw nothing from the run's random states and change no weight, so a run with them has the same bits as a run
without.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

from sparring.diagnose.yardstick import Yardstick
from sparring.errors import InputError
from sparring.networks import evaluating
from sparring.objectives import scores
from sparring.place import Place
from sparring.training import Step, Turn
from sparring.training.adversarial import packed
from sparring.transport.clouds import distances
from sparring.transport.exact import cheapest

__all__ = ["PROBES", "GameProbes", "Scene", "probe_names"]

PROBES = ("layers", "updates", "jumps", "scores", "slope", "singular", "samples", "estimate")
"""Gradients by layer; updates over weights; how gradients jump from step to step; the critic's scores; its slope at
fakes; singular values of its layers; the samples' quality; the critic's estimate of Wasserstein-1."""

SELDOM = ("singular", "estimate")  # at every second look: they cost as much as half of the rest, and change slowly
POWER = 12  # steps of the power iteration
SLOPES = 64  # rows at which the critic's slope is taken
JUMPS = 50  # steps before a look whose gradients are held against each other


def probe_names(asked: bool | Sequence[str]) -> tuple[str, ...]:
    """Which probes are meant: True all, False none, or some by name. Raises InputError for an unknown one."""
    if isinstance(asked, bool):
        return PROBES if asked else ()
    if isinstance(asked, str) or any(name not in PROBES for name in asked):
        raise InputError(f"probes must be True, False, or some of {', '.join(PROBES)}; got {asked!r}")
    return tuple(name for name in PROBES if name in asked)


@dataclass(frozen=True)
class Scene:
    """What the probes look at. All of it stays the same for a whole run.

    generator, critic: as they learn. real: encoded rows, with their labels if there are any; learned: encoded rows that
    were learned from, where ``real`` was not. noise: (n, z). pack: as in PacGAN. samples: makes as many samples of
    the averaged generator as the yardstick takes, in the data's own kind.
    """

    generator: nn.Module
    critic: nn.Module
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
        return scores(self.critic, packed(x, self.pack), *labels)


class GameProbes:
    """Looks at a game every ``every`` steps. A Watch of run.py; ``seconds`` and ``looks`` say what it cost.

    turns: whose updates and gradients are measured. Several ranks record what rank 0 measured.
    """

    done = False

    def __init__(
        self,
        turns: Sequence[Turn],
        scene: Scene,
        every: int,
        chosen: Sequence[str] = PROBES,
        place: Place | None = None,
    ) -> None:
        self.turns = {turn.name: turn for turn in turns}
        self.scene, self.every, self.chosen = scene, every, tuple(chosen)
        self.place = Place() if place is None else place
        self.layers = {turn.name: _layers(turn) for turn in turns}
        self._libraries = ThreadpoolController()
        self._before: dict[str, list[Tensor]] | None = None
        self._norms: dict[str, list[Tensor]] = {name: [] for name in self.turns}  # since a little before the look
        self.seconds, self.looks = 0.0, 0

    def see(self, step: Step) -> Mapping[str, float] | None:
        """Take in a step; at a look, give the figures to be recorded."""
        if "updates" in self.chosen and (step.index + 1) % self.every == 0:
            self._before = {name: [p.detach().clone() for p in turn.parameters] for name, turn in self.turns.items()}
        if "jumps" in self.chosen and -step.index % self.every < JUMPS:
            for name, norms in self._norms.items():
                norms.append(torch.stack(list(step.played[name].norms)))
        if step.index % self.every:
            return None
        began = time.perf_counter()
        with self._libraries.limit(limits=torch.get_num_threads(), user_api="blas"):  # else a small game waits for them
            found = self.place.broadcast(self._measured(step) if self.place.leads else None)
        self._before, self._norms = None, {name: [] for name in self.turns}
        self.seconds, self.looks = self.seconds + time.perf_counter() - began, self.looks + 1
        return found

    def _measured(self, step: Step) -> dict[str, float]:
        found: dict[str, float] = {}
        if "layers" in self.chosen:
            found |= self._by_layer(step)
        if "updates" in self.chosen and self._before is not None:
            found |= self._updates(self._before)
        if "jumps" in self.chosen:
            found |= {f"{name}/jumps": _jumps(norms) for name, norms in self._norms.items() if len(norms) > 1}
        now = self.chosen if step.index // self.every % 2 else [name for name in self.chosen if name not in SELDOM]
        with evaluating(self.scene.generator, self.scene.critic):
            found |= _of_critic(self.scene, now)
        if "samples" in self.chosen and self.scene.yardstick is not None:
            samples = np.asarray(self.scene.samples())
            usable = np.isfinite(samples.astype(np.float64)).all()
            figures = self.scene.yardstick.figures(samples) if usable else {"w1": math.nan}
            found |= {f"samples/{name}": value for name, value in figures.items()}
        return found

    def _by_layer(self, step: Step) -> dict[str, float]:
        found = {}
        for name, played in step.played.items():
            squares = torch.stack(list(played.norms)).double().square().cpu()
            for i, members in enumerate(self.layers.get(name, ()), 1):
                found[f"{name} layer {i}/layer_gradient"] = float(squares[members].sum().sqrt())
        return found

    def _updates(self, before: Mapping[str, list[Tensor]]) -> dict[str, float]:
        found = {}
        for name, turn in self.turns.items():
            now = [p.detach() for p in turn.parameters]
            moved = torch.stack(torch._foreach_norm(torch._foreach_sub(now, before[name]))).norm()
            size = torch.stack(torch._foreach_norm(now)).norm()
            found[f"{name}/update"] = float(moved / size.clamp(min=1e-12))
        return found

    # -- as a part of a checkpoint: what is kept for the next look, if it was saved shortly before it

    def state_dict(self) -> dict[str, Any]:
        return {"before": self._before, "norms": self._norms}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        before = state["before"]
        self._before = before and {
            name: [old.to(now.device) for old, now in zip(before[name], turn.parameters, strict=True)]
            for name, turn in self.turns.items()
        }
        self._norms = {name: list(state["norms"][name]) for name in self.turns}


def _jumps(norms: Sequence[Tensor]) -> float:
    """Decades from the 10th to the 90th percentile of a gradient's size; norms: by step, one for each parameter."""
    whole = torch.linalg.vector_norm(torch.stack(list(norms)).double(), dim=1).clamp(min=1e-30).log10()
    low, high = torch.quantile(whole, torch.tensor([0.1, 0.9], dtype=whole.dtype, device=whole.device)).tolist()
    return high - low


def _layers(turn: Turn) -> list[list[int]]:
    """The numbers of a turn's parameters, layer by layer."""
    names = {id(parameter): name for name, parameter in turn.module.named_parameters()}
    found: dict[str, list[int]] = {}
    for i, parameter in enumerate(turn.parameters):
        name = names.get(id(parameter), "").split(".parametrizations")[0]
        layer = name if "parametrizations" in names.get(id(parameter), "") else name.rpartition(".")[0]
        found.setdefault(layer, []).append(i)
    return list(found.values())


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
        found |= {f"critic layer {i}/singular": value for i, value in enumerate(_singular(scene.critic), 1)}
    return found


def _of_scores(real: Tensor, fake: Tensor, learned: Tensor | None) -> dict[str, float]:
    """How well the critic tells real from fake rows, and how its scores spread."""
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
    gains = higher.double()[:, None] - lower.double()[None]
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
