"""One judgement: ten draws of samples and of training rows, each against held-out data."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparring.errors import InputError, ShapeError
from sparring.judging import classes, fidelity, memory
from sparring.judging.floor import class_intervals, half_interval, share_interval
from sparring.judging.units import Units, like
from sparring.judging.verdict import Figure, Verdict, summarise
from sparring.seeds import seed_from
from sparring.transport.clouds import Floats, distances, numbers
from sparring.transport.exact import cheapest
from sparring.transport.ratios import draws_interval

__all__ = ["judge"]

MOST_SAMPLES = 1000  # a draw's size, and how many samples are looked at for copies and classes
FEWEST_SAMPLES = 6  # coverage looks at five neighbours
NEAR = 0.05  # this share of training rows is nearer to another one than the threshold of a near copy
PER_DRAW = ("w1", *fidelity.Fidelity._fields)


def judge(
    fake: ArrayLike | Callable[[int, int], ArrayLike],
    train: ArrayLike,
    test: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    draws: int = 10,
    samples: int | None = None,
    random_state: Any = 0,
    classifier: Any = None,
) -> Verdict:
    """Judge samples by held-out data, every figure beside its floor: training data in the samples' place.

    fake: samples (n, ...), or a function ``fake(n, seed) -> (n, ...)`` that makes fresh ones for each draw.
    train: the rows (n, ...) that the generator learned from. test: rows (n, ...) that it never saw.
    labels: (rows of train,), the training rows' classes; with them the class figures are added.
    draws: over how many draws the figures are averaged. samples: at most how many rows in each; a draw
    has that many, or 1,000, but no more than there are held-out rows, than there are samples, and than
    half of the training rows, so that the floor's draws differ; the verdict says how many it had.
    random_state: None, a whole number or a NumPy random state. classifier: see ``judging.classes.taught``.

    Tables (n, d) are measured in standard deviations of the training columns; images (n, h, w, ...) in
    units of their own. W1, precision, recall, density and coverage are means over draws; copies and
    classes are looked for in at most 1,000 samples, exact copies in all.
    Raises ShapeError, DataError or InputError for rows that do not match, are not finite, or are too few.
    Sources: Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage).
    """
    began = time.perf_counter()
    if labels is None and classifier is not None:
        raise InputError("a classifier was given without labels; give the classes of the training rows too.")
    case = _Case.of(fake, train, test, draws, samples, random_state)
    known = None if labels is None else classes.checked_labels(labels, len(case.train))
    figures = (*case.quality(), *case.copying())
    if known is not None:
        figures += case.class_shares(known, classifier)
    return Verdict(figures, case.size, draws, time.perf_counter() - began, summarise(figures))


@dataclass(frozen=True)
class _Case:
    """What is judged: checked rows as they were given, their units, and the samples of every draw."""

    train: NDArray[Any]
    test: NDArray[Any]
    samples: list[NDArray[Any]]  # one array of rows per draw
    distinct: NDArray[Any]  # every sample once, in random order
    overlap: float  # the share of its rows that one draw of samples has in common with another
    units: Units
    size: int
    rng: np.random.Generator

    @classmethod
    def of(cls, fake: Any, train: Any, test: Any, draws: int, samples: int | None, random_state: Any) -> "_Case":
        rng = np.random.default_rng(seed_from(random_state))
        train = numbers("train", train)
        test = like("test", test, train)
        fixed = None if callable(fake) else like("fake", fake, train)
        size = _size(len(train), len(test), None if fixed is None else len(fixed), draws, samples)
        if fixed is None:
            made = [_made(fake, size, int(seed), train) for seed in rng.integers(2**31, size=draws)]
            return cls(train, test, made, np.concatenate(made), 0.0, Units.of(train), size, rng)
        shuffled = fixed[_pick(rng, len(fixed), len(fixed))]
        picked = [fixed[_pick(rng, len(fixed), size)] for _ in range(draws)]
        return cls(train, test, picked, shuffled, size / len(fixed), Units.of(train), size, rng)

    @cached_property
    def train_points(self) -> Floats:
        return self.units("train", self.train)

    @cached_property
    def test_points(self) -> Floats:
        return self.units("test", self.test)

    def quality(self) -> tuple[Figure, ...]:
        """W1, precision, recall, density and coverage, of samples and of training rows alike."""
        fakes, floors = [], []
        for drawn, (real, balls) in zip(self.samples, self._held_out(), strict=True):
            fakes.append(_measured(self.units("fake", drawn), real, balls))
            rows = self.train_points[_pick(self.rng, len(self.train), self.size)]
            floors.append(_measured(rows, real, balls))
        overlap = self.size / len(self.train)
        return tuple(
            Figure.of(
                name,
                value.mean(),
                floor.mean(),
                draws_interval(value, floor, self.overlap, overlap, self.rng),
            )
            for name, value, floor in zip(PER_DRAW, np.transpose(fakes), np.transpose(floors), strict=True)
        )

    def copying(self) -> tuple[Figure, ...]:
        """Near copies, exact copies, and which side is nearer."""
        train, test = self.train_points, self.test_points
        pool = self.units("fake", self._pool())
        held_out = test[_pick(self.rng, len(test), MOST_SAMPLES)]
        gaps = memory.spacing(train, _pick(self.rng, len(train), MOST_SAMPLES))
        threshold = float(np.quantile(gaps, NEAR))
        near, usual = memory.nearest(pool, train) <= threshold, memory.nearest(held_out, train) <= threshold
        equal = memory.exact_copies(self.distinct, self.train)
        equal_usual = memory.exact_copies(self.test, self.train)
        sides = memory.sides(pool, train, test, len(self.samples), self.rng)
        nearer = float(sides.whole.mean())
        return (
            self._shares("near_copies", near, usual),
            self._shares("exact_copies", equal, equal_usual),
            Figure.of("nearer_to_training", nearer, 0.5, half_interval(nearer, sides.half, 0.5)),
        )

    def class_shares(self, labels: NDArray[Any], classifier: Any) -> tuple[Figure, ...]:
        """How sure a classifier of real data is, and the shares of its rarest and commonest class."""
        known, indices = np.unique(labels, return_inverse=True)
        seed = int(self.rng.integers(2**31))
        namer = classes.taught(classifier, self.train, labels, seed)
        pool = namer.probabilities(self._pool())
        held_out = namer.probabilities(self.test[_pick(self.rng, len(self.test), MOST_SAMPLES)])
        value = classes.rarest_and_commonest(namer.names(pool), known)
        floor, intervals = class_intervals(value, indices, len(pool), self.rng)
        return (
            self._shares("confident", namer.sure(pool), namer.sure(held_out)),
            Figure.of("smallest_class", value[0], floor[0], intervals[0]),
            Figure.of("largest_class", value[1], floor[1], intervals[1]),
        )

    def _held_out(self) -> Iterator[tuple[Floats, fidelity.Balls]]:
        """The held-out points that each draw meets, and their balls, made once if all draws meet them all."""
        everything = self.size == len(self.test)
        real, balls = self.test_points, fidelity.balls(self.test_points) if everything else None
        for _ in self.samples:
            if not everything:
                real = self.test_points[_pick(self.rng, len(self.test), self.size)]
            yield real, balls or fidelity.balls(real)

    def _pool(self) -> NDArray[Any]:
        """At most 1,000 distinct samples."""
        return self.distinct[:MOST_SAMPLES]

    def _shares(self, name: str, value: NDArray[np.bool_], floor: NDArray[np.bool_]) -> Figure:
        interval = share_interval(int(value.sum()), len(value), int(floor.sum()), len(floor), self.rng)
        return Figure.of(name, float(value.mean()), float(floor.mean()), interval)


def _size(train: int, test: int, fake: int | None, draws: int, samples: int | None) -> int:
    """How many rows a draw has."""
    if draws < 1 or (samples is not None and samples < FEWEST_SAMPLES):
        raise InputError(f"draws must be 1 or more and samples {FEWEST_SAMPLES} or more; got {draws} and {samples}.")
    limits = {"test": test, "half of train": train // 2}
    if fake is not None:
        limits["fake"] = fake
    few = min(limits, key=lambda name: limits[name])
    if limits[few] < FEWEST_SAMPLES:
        raise InputError(f"{few} has {limits[few]} row(s); at least {FEWEST_SAMPLES} are needed to judge.")
    return min(samples or MOST_SAMPLES, limits[few])


def _pick(rng: np.random.Generator, n: int, size: int) -> NDArray[np.intp]:
    """At most ``size`` different row numbers out of n, in random order."""
    return rng.permutation(n)[:size]


def _made(fake: Callable[[int, int], Any], n: int, seed: int, train: NDArray[Any]) -> NDArray[Any]:
    rows = like("fake", fake(n, seed), train)
    if len(rows) != n:
        raise ShapeError(f"fake(n, seed) must return n samples; asked for {n} it returned {len(rows)}.")
    return rows


def _measured(points: Floats, real: Floats, balls: fidelity.Balls) -> tuple[float, ...]:
    """W1, precision, recall, density and coverage of points (n, d) against as many real ones."""
    between = distances(points, real)
    equal = np.full(len(points), 1 / len(points))
    cost = cheapest(between, equal, np.full(len(real), 1 / len(real))).cost
    return (cost, *fidelity.from_distances(between, fidelity.balls(points), balls))
