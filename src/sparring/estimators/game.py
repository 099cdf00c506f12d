"""A GAN's run about to be played: its data, networks, game, batches, and what watches it."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.data.mixed import MixedSchema
from sparring.data.order import Shuffled
from sparring.data.rows import Rows
from sparring.data.schema import Schema
from sparring.data.source import Source
from sparring.data.split import split_rows, split_shuffled, taken
from sparring.data.stored import StoredTable
from sparring.data.stored_batches import StoredBatches
from sparring.data.targets import Classes
from sparring.diagnose.probes import GameProbes
from sparring.errors import InputError
from sparring.estimators.design import Design, Settings, design, kind_of, settle, threads_for
from sparring.estimators.sampling import Sampler
from sparring.judging.compared import COMPARED
from sparring.judging.watched import MEASURES, Watched
from sparring.networks import Average
from sparring.objectives import Moments
from sparring.place import Place
from sparring.run import Watch
from sparring.seeds import derive
from sparring.training import Game, Selection, State, adversarial_game
from sparring.training.stopping import Patience

__all__ = ["Job", "job_of", "rows_of", "spread", "take_over"]

RESIDENT = 2**31  # bytes of encoded rows, up to which they are all kept in memory (or on the GPU)
INDEXED = ("uint8", "int16", "int32", "int64", "float32", "float64")  # what torch reads by rows where it lies
CONVOLVING = ("convolutional", "residual")  # pairs that gain by bfloat16
HALF_SHOWN = ("relativistic", "non-saturating")  # objectives whose images are as good in bfloat16
LOOKS = 25  # at the generator, in a run that may stop early
APART = 100  # steps between two looks, at least, so that they stay cheap beside the steps
KNOWN = 10  # rows for each number of a row, below which second moments are mostly chance
ENOUGH = 2**19  # rows of a stored table, in an order of chance, that tell second moments


@dataclass(frozen=True)
class Job:
    """A run about to be played. train, held_out: rows; labels: the classes of all rows, or None."""

    source: Source
    train: Rows
    held_out: Rows
    classes: Classes | None
    settings: Settings
    place: Place
    threads: int | None
    networks: Design
    game: Game
    batches: Batches | StoredBatches
    state: State
    watch: Selection | None = None
    probes: GameProbes | None = None

    @property
    def average(self) -> Average:
        found = self.game.parts["average"]
        assert isinstance(found, Average)
        return found

    @property
    def parts(self) -> dict[str, Any]:
        """All that a checkpoint holds."""
        return {**self.game.parts, "state": self.state, **self.watches}

    @property
    def watches(self) -> dict[str, Watch]:
        """What looks at every step, by the names that checkpoints know."""
        found: dict[str, Watch | None] = {"watch": self.watch, "probes": self.probes}
        return {name: watch for name, watch in found.items() if watch is not None}

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the classes among the training rows."""
        if self.classes is None or self.source.labels is None:
            return ()
        numbers = self.classes.encode(self.source.labels[self.train.listed])
        return tuple((np.bincount(numbers, minlength=self.classes.outputs) / len(numbers)).tolist())


def job_of(given: dict[str, Any], source: Source, labels: NDArray[Any] | None, seed: int, fresh: int = 0) -> Job:
    """Bring together all that a run needs.

    given: the estimator's parameters. fresh: how often its networks have begun anew.
    """
    classes = None if labels is None else Classes.of(labels)
    numbers, others = rows_of(given, source.values, seed)
    train, held_out = Rows(source.values, numbers), Rows(source.values, others)
    settings = settle(given, source.schema, 0 if classes is None else classes.outputs, len(train))
    place = Place.of(given["device"], _precision(given, source.schema, settings))
    weights = derive(seed, "fresh", fresh) if fresh else seed
    networks = design(source.schema, settings, weights, given["generator"], given["critic"]).to(place.device)
    game = adversarial_game(
        networks.generator,
        networks.critic,
        settings.latent_size,
        settings.recipe,
        settings.steps,
        ranks=place.ranks,
        moments=_moments(train, source.schema, place) if settings.recipe.moments else None,
    )
    known = None if classes is None or labels is None else torch.from_numpy(classes.encode(labels[train.listed]))
    batches = _batches(train, known, source.schema, settings, place, derive(seed, "batches"), given["flip"])
    state = State(Chance(derive(seed, "chance"), place.device, place.rank, place.ranks))
    threads = given["threads"] or threads_for(networks.critic, settings.recipe.batch_size // place.ranks)
    job = Job(source, train, held_out, classes, settings, place, threads, networks, game, batches, state)
    return job if not given["early_stopping"] else _watched(job, given, seed)


def _moments(train: Rows, schema: Schema, place: Place) -> Moments | None:
    """Of the training rows and their ranks; None where so few rows know them by chance alone."""
    if not isinstance(schema, MixedSchema):
        raise InputError("moments are for tables with categories, dates or gaps; leave them out, or set moments=0")
    if len(train) < KNOWN * schema.shape[0]:
        return None

    def rows(part: slice) -> Tensor:
        numbers, values = train.numbers[part], train.values
        if isinstance(values, StoredTable):
            return torch.from_numpy(values.schema.spread(values.compact(numbers))).to(place.device)
        return torch.from_numpy(schema.encode(taken(values, numbers))).to(place.device)

    count = min(len(train), ENOUGH) if isinstance(train.values, StoredTable) else len(train)
    return Moments.of(rows, count, torch.from_numpy(schema.levels).to(place.device))


def take_over(job: Job, other: Job, weights: bool) -> None:
    """Let a run go on where another one is: its step, its place in the data, its draws; and if asked its weights."""
    job.state.load_state_dict(other.state.state_dict())
    if weights:
        for name, part in job.game.parts.items():
            part.load_state_dict(copy.deepcopy(other.game.parts[name].state_dict()))


def rows_of(
    given: dict[str, Any], values: Any, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[Shuffled, Shuffled]:
    """The numbers of the rows to learn from, and of those held out.

    They are a tenth if a run may stop early and no share was asked for.
    """
    share = given["validation_fraction"]
    split = split_shuffled if isinstance(values, StoredTable) else split_rows
    return split(len(values), 0.1 if given["early_stopping"] and not share else share, derive(seed, "held out"))


def _precision(given: Mapping[str, Any], schema: Schema, settings: Settings) -> str:
    """bfloat16 by itself for our convolutions over images alone: nothing else gains by it (benchmarks/RESULTS.md), and
    a user's networks may not bear it.
    """
    pair, own = settings.recipe.networks, given["generator"] is not None or given["critic"] is not None
    convolve = schema.kind == "image" and kind_of(schema) == "image" and pair is not None and pair.name in CONVOLVING
    convolve = convolve and settings.recipe.objective.name in HALF_SHOWN and not own
    return "float32" if given["precision"] == "auto" and not convolve else given["precision"]


def _batches(
    train: Rows, labels: Tensor | None, schema: Schema, settings: Settings, place: Place, seed: int, mirrored: bool
) -> Batches | StoredBatches:
    """Batches of encoded rows: from memory, or where that is too small from where the rows lie."""
    if mirrored and schema.kind != "image":
        raise InputError("flip is for images; these data have no left and right.")
    told = () if labels is None else (labels.to(place.device),)
    make = partial(
        Batches, size=settings.recipe.batch_size, seed=seed, rank=place.rank, ranks=place.ranks, mirrored=mirrored
    )
    if isinstance(train.values, StoredTable) and isinstance(train.numbers, Shuffled):
        return StoredBatches(
            train.values.compact,
            train.numbers,
            size=settings.recipe.batch_size,
            seed=seed,
            prepare=partial(spread, train.values.schema, torch.from_numpy(train.values.schema.starts).to(place.device)),
            rank=place.rank,
            ranks=place.ranks,
        )
    if isinstance(schema, MixedSchema):  # places and scalars in memory; one-hot a batch at a time
        compact = torch.from_numpy(schema.compact(train.all())).to(place.device)
        return make(compact, prepare=partial(spread, schema, torch.from_numpy(schema.starts).to(place.device)))
    fits = len(train) * math.prod(schema.shape) * 4 <= RESIDENT
    if fits or str(getattr(train.values, "dtype", "")) not in INDEXED:
        return make(torch.from_numpy(schema.encode(train.all())).to(place.device), *told)
    prepare = partial(_encoded, schema, place.device)
    return make(torch.from_numpy(train.values), *told, prepare=prepare, among=torch.from_numpy(train.numbers))


def _encoded(schema: Schema, device: torch.device, rows: Tensor) -> Tensor:
    return torch.from_numpy(schema.encode(rows.numpy())).to(device, non_blocking=True)


def spread(schema: MixedSchema, starts: Tensor, compact: Tensor) -> Tensor:
    """Compact rows of a mixed table as networks take them."""
    compact = compact.to(starts.device)
    parts, places = len(schema.parts), sum(schema.parts)
    rows = compact.new_zeros(len(compact), *schema.shape)
    rows.scatter_(1, compact[:, :parts].long() + starts, 1.0)
    rows[:, places:] = compact[:, parts:]
    return rows


def _watched(job: Job, given: dict[str, Any], seed: int) -> Job:
    """The same run, with its generator looked at, the best one kept, and a reason to stop."""
    if given["stop_on"] not in MEASURES:
        raise InputError(f"stop_on must be {' or '.join(MEASURES)}; got {given['stop_on']!r}")
    looks = given["n_iter_no_change"]
    if isinstance(looks, bool) or not isinstance(looks, int | np.integer) or looks < 1:
        raise InputError(f"n_iter_no_change must be a whole number above 0; got {looks!r}")
    points = job.source.schema.points
    seen = Watched.of(
        points(job.train.some(COMPARED, seed)), points(job.held_out.some(COMPARED, seed)), derive(seed, "watched")
    )
    every = max(math.ceil(job.settings.steps / LOOKS), APART)
    watch = Selection(
        job.average.module,
        _measure(job, seen, given["stop_on"], derive(seed, "looks")),
        every,
        job.settings.steps,
        Patience(int(looks)),
        higher=given["stop_on"] == "coverage",
        place=job.place,
    )
    return Job(**{**job.__dict__, "watch": watch})


def _measure(job: Job, seen: Watched, first: str, seed: int) -> Callable[[nn.Module], dict[str, float]]:
    """Figures of a generator, from the same noise at every look."""
    recipe = job.settings.recipe
    sampler = Sampler(
        job.average.module, job.source.schema, job.settings.latent_size, recipe.noise, job.classes, job.shares
    )
    noise, labels = sampler.noise(seen.size, seed), sampler.labels(seen.size, None, seed)

    def measure(generator: nn.Module) -> dict[str, float]:
        found = seen.figures(job.source.schema.points(sampler.made(noise, labels)))
        return {f"validation/{name}": found[name] for name in sorted(found, key=lambda name: name != first)}

    return measure
