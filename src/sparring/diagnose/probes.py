"""What is measured of a game while it is played, at stated steps, from rows and noise that stay the same.

Probes draw nothing from the run's random states and change no weight, so a run with them has the same bits as a run
without.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sparring.diagnose.scenes import Scene
from sparring.errors import InputError
from sparring.place import Place
from sparring.training import Step, Turn

__all__ = ["PROBES", "GameProbes", "probe_names"]

PROBES = ("layers", "updates", "jumps", "scores", "slope", "singular", "samples", "estimate")
"""Gradients by layer; updates over weights; how gradients jump from step to step; the critic's scores; its slope at
fakes; singular values of its layers; the samples' quality; the critic's estimate of Wasserstein-1."""

SELDOM = ("singular", "estimate")  # at every second look: they cost as much as half of the rest, and change slowly
JUMPS = 50  # steps before a look whose gradients are held against each other


def probe_names(asked: bool | Sequence[str]) -> tuple[str, ...]:
    """Which probes are meant: True all, False none, or some by name. Raises InputError for an unknown one."""
    if isinstance(asked, bool):
        return PROBES if asked else ()
    if isinstance(asked, str) or any(name not in PROBES for name in asked):
        raise InputError(f"probes must be True, False, or some of {', '.join(PROBES)}; got {asked!r}")
    return tuple(name for name in PROBES if name in asked)


class GameProbes:
    """Looks at a game every ``every`` steps. A Watch of run.py; ``seconds`` and ``looks`` say what it cost.

    turns: whose updates and gradients are measured. scenes: by name, which the figures' names then have in them
    ("critic B/auc"); "" for a game of one. more: gives further figures. after: steps before which it does not look.
    Several ranks record what rank 0 measured.
    """

    done = False

    def __init__(
        self,
        turns: Sequence[Turn],
        scenes: Mapping[str, Scene],
        every: int,
        chosen: Sequence[str] = PROBES,
        place: Place | None = None,
        more: Callable[[], Mapping[str, float]] | None = None,
        after: int = 0,
    ) -> None:
        self.turns = {turn.name: turn for turn in turns}
        self.scenes, self.every, self.chosen = dict(scenes), every, tuple(chosen)
        self.more, self.after = more, after
        self.place = Place() if place is None else place
        self.layers = {turn.name: _layers(turn) for turn in turns}
        self._before: dict[str, list[Tensor]] | None = None
        self._norms: dict[str, list[Tensor]] = {name: [] for name in self.turns}  # since a little before the look
        self.seconds, self.looks = 0.0, 0

    def see(self, step: Step) -> Mapping[str, float] | None:
        """Take in a step; at a look, give the figures to be recorded."""
        if step.index <= self.after:
            return None
        if "updates" in self.chosen and (step.index + 1) % self.every == 0:
            self._before = {name: [p.detach().clone() for p in turn.parameters] for name, turn in self.turns.items()}
        if "jumps" in self.chosen and -step.index % self.every < JUMPS:
            for name, norms in self._norms.items():
                norms.append(torch.stack(list(step.played[name].norms)))
        if step.index % self.every:
            return None
        began = time.perf_counter()
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
        for side, scene in self.scenes.items():
            found |= {_named(name, side): value for name, value in scene.figures(now).items()}
        if self.more is not None:
            found |= self.more()
        return found

    def _by_layer(self, step: Step) -> dict[str, float]:
        found = {}
        for name, played in step.played.items():
            squares = torch.stack(list(played.norms)).cpu().double().square()
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


def _named(name: str, side: str) -> str:
    """ "critic layer 1/singular" of the side B: "critic B layer 1/singular"."""
    first, rest = re.match(r"(\w+)(.*)", name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return f"{first} {side}{rest}" if side else name


def _jumps(norms: Sequence[Tensor]) -> float:
    """Decades from the 10th to the 90th percentile of a gradient's size; norms: by step, one for each parameter."""
    whole = torch.linalg.vector_norm(torch.stack(list(norms)).cpu().double(), dim=1).clamp(min=1e-30).log10()
    low, high = torch.quantile(whole, torch.tensor([0.1, 0.9], dtype=whole.dtype)).tolist()
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
