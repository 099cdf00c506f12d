"""What the probes of a CycleGAN's run look at: rows of both sides, their translations, and what these hide."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data.mixed import MixedSchema
from sparring.data.rows import Rows
from sparring.data.schema import Schema
from sparring.diagnose.probes import GameProbes, probe_names
from sparring.diagnose.scenes import Scene
from sparring.diagnose.yardstick import LEAST, Yardstick, room
from sparring.estimators.cycle_job import CycleJob, Side
from sparring.estimators.cycle_use import translated
from sparring.networks import WholeScores, evaluating
from sparring.run import Intervals
from sparring.seeds import derive

__all__ = ["probed_cycle"]

ROWS_APART = 5  # rows of the record between two looks
STEPS_APART = 100  # between two looks, at least
SEEN = 8_000  # training rows that a yardstick is made from
FAINT = 0.05  # deviation of the noise in fakes, in deviations of the data: hardly seen


def probed_cycle(job: CycleJob, asked: bool | Sequence[str], seed: int) -> CycleJob:
    """The same run with the probes that were asked for, on both sides; they look once the restarts are over.

    Raises InputError for a probe that does not exist.
    """
    chosen = probe_names(asked)
    if not chosen:
        return job
    log = Intervals.of(job.steps).log
    every = max(ROWS_APART, math.ceil(STEPS_APART / log)) * log
    seed = derive(seed, "probes")
    scenes = {side: _scene(job, side, chosen, derive(seed, side)) for side in ("A", "B")}
    more = _Translations(job, scenes) if "samples" in chosen else None
    after = 0 if job.restarts is None else job.restarts.total
    probes = GameProbes(job.game.turns, scenes, every, chosen, job.place, more, after)
    return replace(job, probes=probes, watches={**job.watches, "probes": probes})


def _scene(job: CycleJob, side: str, chosen: Sequence[str], seed: int) -> Scene:
    """Of the fakes of a side, which its generator makes from rows of the other."""
    own, other, name = (job.b, job.a, "G") if side == "B" else (job.a, job.b, "F")
    judged = job.recipe.adversarial[0 if side == "B" else 1] > 0
    apart = len(own.held_out) >= LEAST
    rows, sources = (own.held_out if apart else own.train), _looked_at(other)
    size = min(room(own.source.schema.shape) // 2, len(rows), len(sources))
    yardstick = None
    if "samples" in chosen:
        train, held_out = own.train.some(SEEN, seed), own.held_out.some(SEEN, seed)
        points = partial(_points, own.source.schema)
        yardstick = Yardstick.of(points(train), points(held_out), derive(seed, "yardstick"))
    count = 1 if yardstick is None else min(yardstick.size, len(sources))
    shown = _encoded(job, other, sources.drawn(count, derive(seed, "samples")))
    average: Any = job.game.parts["average"]
    return Scene(
        job.networks.generators[name],
        WholeScores(job.networks.critics[side]) if judged else None,
        (_encoded(job, own, rows.drawn(size, seed)),),
        (_encoded(job, own, own.train.drawn(size, derive(seed, "learned"))),) if apart else None,
        _encoded(job, other, sources.drawn(size, derive(seed, "sources"))),
        1,
        partial(_decoded, average, name, shown, own),
        yardstick if count == (0 if yardstick is None else yardstick.size) else None,
    )


def _looked_at(side: Side) -> Rows:
    return side.held_out if len(side.held_out) >= LEAST else side.train


def _encoded(job: CycleJob, side: Side, rows: Rows) -> Tensor:
    return torch.from_numpy(side.source.schema.encode(rows.all())).to(job.place.device)


def _decoded(average: Any, name: str, rows: Tensor, side: Side) -> Any:
    return _points(side.source.schema, side.source.schema.decode(translated(average.module[name], rows).numpy()))


def _points(schema: Schema, rows: Any) -> Any:
    """What distances are measured between: rows as they are, of tables of any columns their ranks and labels."""
    return schema.points(rows) if isinstance(schema, MixedSchema) else np.asarray(rows)


class _Translations:
    """How far rows are moved, how well they come back, and what becomes of that if their translation is blurred.

    For rows a of A, with fakes b = G(a) and distances as mean absolute differences in encoded units:
    ``moved``: |G(a) - a| over the distance of rows of A from rows of B; only where both have one shape.
    ``returned``: |F(G(a)) - a| over the distance of rows of A from each other.
    ``hidden``: by how much |F(G(a) + noise) - a| is above |F(G(a)) - a|, over |noise|.
    Of tables of any columns only ``returned``: their rows are settled to labels and decimals, which noise would leave,
    and places of one side are not those of the other.
    """

    def __init__(self, job: CycleJob, scenes: Mapping[str, Scene]) -> None:
        self.networks = job.networks.generators
        self.settled = isinstance(job.a.source.schema, MixedSchema)
        self.rows = {"A": scenes["B"].noise, "B": scenes["A"].noise}
        self.noise = {
            side: self._faint(self.rows["B" if side == "A" else "A"], rows) for side, rows in self.rows.items()
        }

    @staticmethod
    def _faint(others: Tensor, rows: Tensor) -> Tensor:
        """Noise for fakes that look like ``others``, one for each of the rows; the same at every look."""
        chance = torch.Generator().manual_seed(0)
        drawn = torch.randn(len(rows), *others.shape[1:], generator=chance)
        return FAINT * float(others.std()) * drawn.to(others.device)

    @torch.no_grad()
    def __call__(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for side, there, back in (("A", "G", "F"), ("B", "F", "G")):
            rows, others = self.rows[side], self.rows["B" if side == "A" else "A"]
            made = _quiet(self.networks[there], rows)
            error = _apart(_quiet(self.networks[back], made), rows)
            spread = _apart(rows, rows.roll(1, 0))
            found[f"translation {side}/returned"] = error / max(spread, 1e-12)
            if self.settled:
                continue
            blurred = _apart(_quiet(self.networks[back], made + self.noise[side]), rows)
            found[f"translation {side}/hidden"] = (blurred - error) / max(float(self.noise[side].abs().mean()), 1e-12)
            if rows.shape[1:] == others.shape[1:]:
                n = min(len(rows), len(others))
                between = _apart(rows[:n], others[:n])
                found[f"translation {side}/moved"] = _apart(made, rows) / max(between, 1e-12)
        return found


def _quiet(network: nn.Module, rows: Tensor) -> Tensor:
    with evaluating(network):
        return network(rows).float()


def _apart(x: Tensor, y: Tensor) -> float:
    return float((x - y).abs().mean())
