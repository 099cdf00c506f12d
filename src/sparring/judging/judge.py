"""One judgement: ten draws of samples and of training rows, each against held-out data."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparring.data.toy import Mixture
from sparring.errors import InputError, ShapeError
from sparring.judging import classes, memory
from sparring.judging.floor import class_intervals, half_interval, share_interval
from sparring.judging.measures import HeldOut, frechet_can_tell
from sparring.judging.units import Features, Units, like
from sparring.judging.verdict import Figure, Verdict, summarise, unsure
from sparring.seeds import seed_from
from sparring.transport.clouds import Floats, numbers
from sparring.transport.ratios import draws_interval

__all__ = ["judge"]

MOST_SAMPLES = 1000  # a draw's size, and how many samples are looked at for copies and classes
FEWEST_SAMPLES = 6  # coverage looks at five neighbours
MOST_TAUGHT = 5000  # rows that a classifier is taught by
NEAR = 0.05  # this share of training rows is nearer to another one than the threshold of a near copy


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
    features: Any = None,
    truth: Mixture | None = None,
    fake_labels: ArrayLike | Callable[[int, int], ArrayLike] | None = None,
    test_labels: ArrayLike | None = None,
) -> Verdict:
    """Judge samples by held-out data, every figure beside its floor: training data in the samples' place.

    fake: samples (n, ...), or a function ``fake(n, seed) -> (n, ...)`` that makes fresh ones for each draw.
    train: the rows (n, ...) that the generator learned from. test: rows (n, ...) that it never saw.
    labels: (rows of train,), the training rows' classes; with them the class figures are added.
    draws: over how many draws the figures are averaged. samples: at most how many rows in each; a draw
    has that many, or 1,000, but no more than there are held-out rows, than there are samples, and than
    half of the training rows, so that the floor's draws differ; the verdict says how many it had.
    random_state: None, a whole number or a NumPy random state. classifier: see ``judging.classes.taught``.
    features: a function of rows (n, ...) to (n, d), or a fitted ``sp.Classifier``, in whose features all distances are
    then measured. truth: the law of the data where it is known (``data.toy.Mixture``): its modes are then counted.

    fake_labels, test_labels: the classes of the samples (or a function of n and seed, as fake is) and of the held-out
    rows: with them and labels, a classifier taught by samples is tried on held-out rows, beside one taught by as many
    training rows.

    Without features, tables (n, d) are measured in standard deviations of the training columns, images (n, h, w, ...)
    in units of their own. Distances, precision, recall, density, coverage, the two-sample test and modes are means over
    draws; copies and classes are looked for in at most 1,000 samples, exact copies in all. What the draws are too
    small to tell stands in the verdict's notes.
    Raises ShapeError, DataError or InputError for rows that do not match, are not finite, or are too few.
    Sources: Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage); Dowson & Landau 1982
    (Fréchet distance); Lopez-Paz & Oquab 2017 (two-sample test).
    """
    began = time.perf_counter()
    if labels is None and classifier is not None:
        raise InputError("a classifier was given without labels; give the classes of the training rows too.")
    if (fake_labels is None) != (test_labels is None) or (fake_labels is not None and labels is None):
        raise InputError("fake_labels and test_labels are given together, and with the training rows' labels.")
    case = _Case.of(fake, train, test, draws, samples, random_state, features, fake_labels)
    known = None if labels is None else classes.checked_labels(labels, len(case.train))
    figures = (*case.quality(), *case.copying())
    if truth is not None:
        figures += case.modes(truth)
    if known is not None:
        figures += case.class_shares(known, classifier)
    if known is not None and test_labels is not None:
        figures += (case.taught(known, np.asarray(test_labels), classifier),)
    notes = (*case.notes(), *unsure(figures))
    return Verdict(figures, case.size, draws, time.perf_counter() - began, summarise(figures), case.units.space, notes)


@dataclass(frozen=True)
class _Case:
    """What is judged: checked rows as they were given, their units, and the samples of every draw."""

    train: NDArray[Any]
    test: NDArray[Any]
    samples: list[NDArray[Any]]  # one array of rows per draw
    distinct: NDArray[Any]  # every sample once, in random order
    classes: NDArray[Any] | None  # theirs, if they are known
    overlap: float  # the share of its rows that one draw of samples has in common with another
    units: Units | Features
    size: int
    rng: np.random.Generator

    @classmethod
    def of(
        cls,
        fake: Any,
        train: Any,
        test: Any,
        draws: int,
        samples: int | None,
        random_state: Any,
        features: Any,
        labels: Any,
    ) -> "_Case":
        rng = np.random.default_rng(seed_from(random_state))
        train = numbers("train", train)
        test = like("test", test, train)
        fixed = None if callable(fake) else like("fake", fake, train)
        size = _size(len(train), len(test), None if fixed is None else len(fixed), draws, samples)
        units = Units.of(train) if features is None else Features.named(features)
        if fixed is None:
            seeds = [int(seed) for seed in rng.integers(2**31, size=draws)]
            made = [_made(fake, size, seed, train) for seed in seeds]
            told = None if labels is None else np.concatenate([np.asarray(labels(size, seed)) for seed in seeds])
            return cls(train, test, made, np.concatenate(made), told, 0.0, units, size, rng)
        order = _pick(rng, len(fixed), len(fixed))
        told = None if labels is None else classes.checked_labels(labels, len(fixed))[order]
        picked = [fixed[_pick(rng, len(fixed), size)] for _ in range(draws)]
        return cls(train, test, picked, fixed[order], told, size / len(fixed), units, size, rng)

    @cached_property
    def train_points(self) -> Floats:
        return self.units("train", self.train)

    @cached_property
    def test_points(self) -> Floats:
        return self.units("test", self.test)

    def quality(self) -> tuple[Figure, ...]:
        """What ``measures`` measures, of samples and of training rows alike."""
        fakes, floors = [], []
        for drawn, real in zip(self.samples, self._held_out(), strict=True):
            fakes.append(real.measured(self.units("fake", drawn)))
            rows = self.train_points[_pick(self.rng, len(self.train), self.size)]
            floors.append(real.measured(rows))
        return self._means(fakes, floors)

    def modes(self, truth: Mixture) -> tuple[Figure, ...]:
        """The share of the modes that a draw reaches, and of its points that are near one, beside fresh points'."""
        fresh = [truth.sample(self.size, int(seed)) for seed in self.rng.integers(2**31, size=len(self.samples))]
        fakes, floors = (
            [
                {"modes": c.modes / len(truth.centres), "high_quality": c.high_quality}
                for c in map(truth.modes_and_quality, drawn)
            ]
            for drawn in (self.samples, fresh)
        )
        return self._means(fakes, floors)

    def _means(self, fakes: list[dict[str, float]], floors: list[dict[str, float]]) -> tuple[Figure, ...]:
        overlap = self.size / len(self.train)
        made = []
        for name in fakes[0]:
            value, floor = (np.array([draw[name] for draw in draws]) for draws in (fakes, floors))
            interval = draws_interval(value, floor, self.overlap, overlap, self.rng)
            made.append(Figure.of(name, value.mean(), floor.mean(), interval))
        return tuple(made)

    def notes(self) -> tuple[str, ...]:
        """What this many rows cannot tell."""
        columns = self.train_points.shape[1]
        if frechet_can_tell(self.size, columns):
            return ()
        return (
            f"no Fréchet distance: the covariance of {columns} columns wants draws of {2 * columns} rows or more, and "
            f"512 columns at most; they have {self.size} rows.",
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

    def taught(self, labels: NDArray[Any], test_labels: NDArray[Any], classifier: Any) -> Figure:
        """How well a classifier names held-out rows that saw samples alone; the floor saw as many training rows."""
        assert self.classes is not None
        if len(test_labels) != len(self.test):
            raise ShapeError(
                f"test_labels must hold a class for each of {len(self.test)} rows; got {len(test_labels)}."
            )
        n, seed = min(len(self.distinct), len(self.train), MOST_TAUGHT), int(self.rng.integers(2**31))
        picked = _pick(self.rng, len(self.train), n)
        hits = [
            classes.hits(classifier, rows, known, self.test, test_labels, seed)
            for rows, known in ((self.distinct[:n], self.classes[:n]), (self.train[picked], labels[picked]))
        ]
        return self._shares("tstr", *hits)

    def _held_out(self) -> Iterator[HeldOut]:
        """The held-out points that each draw meets, made once if all draws meet them all."""
        everything = HeldOut.of(self.test_points) if self.size == len(self.test) else None
        for _ in self.samples:
            yield everything or HeldOut.of(self.test_points[_pick(self.rng, len(self.test), self.size)])

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
