"""What the probes of a GAN's run look at: some of its rows, and samples from noise that stays the same."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sparring.data.rows import Rows
from sparring.diagnose.probes import GameProbes, probe_names
from sparring.diagnose.scenes import Scene
from sparring.diagnose.yardstick import LEAST, Yardstick, room
from sparring.estimators.game import Job
from sparring.estimators.sampling import Sampler
from sparring.run import Intervals
from sparring.seeds import derive

__all__ = ["probed"]

ROWS_APART = 5  # rows of the record between two looks
STEPS_APART = 100  # between two looks, at least: a look costs what a few steps cost
SEEN = 8_000  # training rows that the yardstick is made from


def probed(job: Job, asked: bool | Sequence[str], seed: int) -> Job:
    """The same run with the probes that were asked for. They see held-out rows if there are enough, else training rows.

    Raises InputError for a probe that does not exist.
    """
    chosen = probe_names(asked)
    if not chosen or len(job.train) < job.settings.recipe.pack:  # too few rows for a single pack: nothing to score
        return job
    log = Intervals.of(job.settings.steps).log
    every = max(ROWS_APART, math.ceil(STEPS_APART / log)) * log
    scene = _scene(job, chosen, derive(seed, "probes"))
    turns = tuple(turn for turn in job.game.turns if turn.name in ("critic", "generator"))
    return replace(job, probes=GameProbes(turns, {"": scene}, every, chosen, job.place))


def _scene(job: Job, chosen: Sequence[str], seed: int) -> Scene:
    apart = len(job.held_out) >= LEAST
    rows = job.held_out if apart else job.train
    pack = job.settings.recipe.pack
    size = min(room(job.source.schema.shape) // 2, len(rows)) // pack * pack
    sampler = Sampler(
        job.average.module,
        job.source.schema,
        job.settings.latent_size,
        job.settings.recipe.noise,
        job.classes,
        job.shares,
    )
    yardstick = None
    if "samples" in chosen:
        train, held_out = job.train.some(SEEN, seed), job.held_out.some(SEEN, seed)
        points = job.source.schema.points
        yardstick = Yardstick.of(points(train), points(held_out), derive(seed, "yardstick"))
    count = 1 if yardstick is None else yardstick.size
    noise, labels = sampler.noise(count, derive(seed, "samples")), sampler.labels(count, None, seed)
    return Scene(
        job.networks.generator,
        job.networks.critic,
        _encoded(job, rows.drawn(size, seed)),
        _encoded(job, job.train.drawn(size, derive(seed, "learned"))) if apart else None,
        sampler.noise(size, seed).to(job.place.device),
        pack,
        lambda: job.source.schema.points(sampler.made(noise, labels)),
        yardstick,
    )


def _encoded(job: Job, rows: Rows) -> tuple[Tensor, ...]:
    """Rows and their classes, if they have some, as the critic takes them."""
    source, device = job.source, job.place.device
    found = [torch.from_numpy(source.schema.encode(rows.all())).to(device)]
    if job.classes is not None and source.labels is not None:
        found.append(torch.from_numpy(job.classes.encode(source.labels[rows.listed])).to(device))
    return tuple(found)
