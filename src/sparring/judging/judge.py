"""One judgement: ten draws of samples and of training rows, each against held-out data."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sparring.data.schema import Schema
from sparring.data.toy import Mixture
from sparring.errors import InputError, ShapeError
from sparring.judging import classes, memory
from sparring.judging.compared import Compared, at_most
from sparring.judging.floor import beside_splits, class_intervals, half_interval, share_interval
from sparring.judging.given import Arrays, Given, Tables, reader_of
from sparring.judging.marginals import Apart, HeldOutTable, Marginals
from sparring.judging.measures import HeldOut, frechet_can_tell
from sparring.judging.units import Features, Units
from sparring.judging.verdict import ColumnFigures, Figure, PairFigure, Verdict, summarise, unsure
from sparring.seeds import derive, seed_from
from sparring.transport.clouds import Floats
from sparring.transport.ratios import draws_interval

__all__ = ["judge"]

MOST_SAMPLES = 1000  # a draw's size, and how many samples are looked at for copies and classes
FEWEST_SAMPLES = 5  # coverage looks at five neighbours, and of five samples at four
MOST_TAUGHT = 5000  # rows that a classifier is taught by
WORST = 3  # pairs of columns that are named
NEAR = 0.05  # this share of training rows is nearer to another one than the threshold of a near copy


def judge(
    fake: ArrayLike | pd.DataFrame | Callable[[int, int], ArrayLike | pd.DataFrame],
    train: ArrayLike | pd.DataFrame,
    test: ArrayLike | pd.DataFrame,
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
    leave_out: Collection[str | int] = (),
    schema: Schema | None = None,
    out_of: tuple[int, int] | None = None,
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

    All three may be DataFrames (of polars and Arrow too) with columns of any kind: numbers, labels, dates, gaps. What
    they are is found out from train. leave_out: columns of a DataFrame to pass over, which texts and identifiers must
    be. schema: of a model (``gan.schema_``), where the columns are known already. Of tables with named columns each
    column, and every two of them, is compared too (``verdict.columns``, ``verdict.pairs``); where some are no plain
    numbers, distances are between ranks, as ``MixedSchema.points`` says, and a function features gets these points.

    Of tables with more than 20,000 training or held-out rows, as many are drawn by the seed and compared; exact copies
    are looked for among all training rows. ``verdict.compared`` says how many. out_of: where train and test are
    themselves drawn from more rows, how many these are.

    Without features, tables (n, d) of plain numbers are measured in standard deviations of the training columns, images
    (n, h, w, ...) in units of their own. Distances, precision, recall, density, coverage, the two-sample test, columns,
    pairs and modes are means over draws; copies and classes are looked for in at most 1,000 samples, exact copies in
    all. What the draws are too small to tell stands in the verdict's notes.
    Raises ShapeError, DataError or InputError for rows that do not match, are not finite, or are too few.
    Sources: Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage); Dowson & Landau 1982
    (Fréchet distance); Lopez-Paz & Oquab 2017 (two-sample test).
    """
    began = time.perf_counter()
    if labels is None and classifier is not None:
        raise InputError("a classifier was given without labels; give the classes of the training rows too.")
    if (fake_labels is None) != (test_labels is None) or (fake_labels is not None and labels is None):
        raise InputError("fake_labels and test_labels are given together, and with the training rows' labels.")
    reader, train = reader_of(train, schema, leave_out)
    case = _Case.of(reader, fake, train, test, draws, samples, random_state, features, fake_labels)
    known = None if labels is None else case.train.of_these(classes.checked_labels(labels, len(case.train.every)))
    figures, columns, pairs = case.quality()
    figures += case.copying()
    if truth is not None:
        figures += case.modes(truth)
    if known is not None:
        figures += case.class_shares(known, classifier)
    if known is not None and test_labels is not None:
        figures += (case.taught(known, np.asarray(test_labels), classifier),)
    notes = (*case.notes(), *unsure(figures))
    compared = case.compared(out_of)
    said = summarise(figures, columns, compared)
    seconds = time.perf_counter() - began
    return Verdict(figures, case.size, draws, seconds, said, case.units.space, notes, columns, pairs, compared)


@dataclass(frozen=True)
class _Case:
    """What is judged: checked rows as they were given, their units, and the samples of every draw."""

    train: Given
    test: Given
    samples: list[Given]  # rows of each draw
    distinct: Given  # every sample once, in random order
    classes: NDArray[Any] | None  # theirs, if they are known
    overlap: float  # the share of its rows that one draw of samples has in common with another
    units: Units | Features
    columns: tuple[tuple[str, str], ...]  # (name, kind) of each, of a table with names
    labelled: tuple[bool, ...]
    size: int
    rng: np.random.Generator

    @classmethod
    def of(
        cls,
        reader: Arrays | Tables,
        fake: Any,
        train: Any,
        test: Any,
        draws: int,
        samples: int | None,
        random_state: Any,
        features: Any,
        labels: Any,
    ) -> "_Case":
        seed = seed_from(random_state)
        rng, most = np.random.default_rng(seed), at_most(samples)
        train = reader.read("train", train, most, derive(seed, "train"))
        test = reader.read("test", test, most, derive(seed, "test"))
        fixed = None if callable(fake) else reader.read("fake", fake)
        size = _size(len(train), len(test), None if fixed is None else len(fixed), draws, samples)
        units = reader.units(train, features)
        columns, overlap = (units, reader.columns, reader.labelled, size, rng), 0.0
        if fixed is None:
            seeds = [int(seed) for seed in rng.integers(2**31, size=draws)]
            made = [_made(reader, fake, size, seed) for seed in seeds]
            told = None if labels is None else np.concatenate([np.asarray(labels(size, seed)) for seed in seeds])
            return cls(train, test, made, Given.joined(made), told, overlap, *columns)
        order = _pick(rng, len(fixed), len(fixed))
        told = None if labels is None else classes.checked_labels(labels, len(fixed))[order]
        picked = [fixed.some(_pick(rng, len(fixed), size)) for _ in range(draws)]
        return cls(train, test, picked, fixed.some(order), told, size / len(fixed), *columns)

    @cached_property
    def train_points(self) -> Floats:
        return self.units("train", self.train.points)

    @cached_property
    def test_points(self) -> Floats:
        return self.units("test", self.test.points)

    @cached_property
    def marginals(self) -> Marginals | None:
        """What the training rows say of the columns, of a table with names."""
        if self.train.cells is None:
            return None
        return Marginals.of(self.train.cells, self.labelled, np.random.default_rng(0))

    def quality(self) -> tuple[tuple[Figure, ...], tuple[ColumnFigures, ...], tuple[PairFigure, ...]]:
        """What ``measures`` and ``marginals`` measure, of samples and of training rows alike."""
        fakes, floors, apart, usual = [], [], [], []
        for drawn, (real, table) in zip(self.samples, self._held_out(), strict=True):
            fakes.append(real.measured(self.units("fake", drawn.points)))
            rows = _pick(self.rng, len(self.train), self.size)
            floors.append(real.measured(self.train_points[rows]))
            if table is not None and drawn.cells is not None and self.train.cells is not None:
                apart.append(table.measured(drawn.cells))
                usual.append(table.measured(self.train.cells[rows]))
        figures = self._means(fakes, floors)
        if not apart:
            return figures, (), ()
        overall, columns, pairs = self._of_columns(apart, usual)
        return figures + overall, columns, pairs

    def modes(self, truth: Mixture) -> tuple[Figure, ...]:
        """The share of the modes that a draw reaches, and of its points that are near one, beside fresh points'."""
        fresh = [truth.sample(self.size, int(seed)) for seed in self.rng.integers(2**31, size=len(self.samples))]
        fakes, floors = (
            [
                {"modes": c.modes / len(truth.centres), "high_quality": c.high_quality}
                for c in map(truth.modes_and_quality, drawn)
            ]
            for drawn in ([given.points for given in self.samples], fresh)
        )
        return self._means(fakes, floors)

    def _of_columns(
        self, fakes: list[Apart], floors: list[Apart]
    ) -> tuple[tuple[Figure, ...], tuple[ColumnFigures, ...], tuple[PairFigure, ...]]:
        """(the means over columns and pairs, every column with the worst first, the worst pairs)."""
        known, train, test = self.marginals, self.train.cells, self.test.cells
        assert known is not None
        assert train is not None
        assert test is not None
        rng = self.rng.spawn(1)[0]  # so that the other figures are those of the same numbers without names
        sides = fakes, floors, known.splits(np.concatenate([train, test]), self.size, rng)
        apart, missing, pairs = ([np.array([draw[i] for draw in side]) for side in sides] for i in range(3))
        overall = [self._beside("columns", [side.mean(axis=1) for side in apart])]
        columns = []
        for i, (name, kind) in enumerate(self.columns):
            measure = "total_variation" if self.labelled[i] else "kolmogorov_smirnov"
            gaps = self._beside("missing", [side[:, i] for side in missing]) if self._gaps[i] else None
            columns.append(ColumnFigures(name, kind, self._beside(measure, [side[:, i] for side in apart]), gaps))
        worst = []
        if known.pairs:
            overall.append(self._beside("pairs", [side.mean(axis=1) for side in pairs]))
            value, *floor = (side.mean(axis=0) for side in pairs)
            for place in np.argsort(np.maximum(*floor) - value, kind="stable")[:WORST]:
                first, second = (self.columns[i][0] for i in known.pairs[place])
                worst.append(PairFigure((first, second), self._beside("pairs", [side[:, place] for side in pairs])))
        return tuple(overall), tuple(sorted(columns, key=lambda column: column.order)), tuple(worst)

    def _beside(self, name: str, sides: list[Floats]) -> Figure:
        """A figure that all draws share the luck of. sides: of samples and of the floor (draws,), of splits (s,)."""
        values, floors, splits = sides
        return Figure.of(name, *beside_splits(values, floors, splits, max(self.size / len(self.test), self.overlap)))

    @cached_property
    def _gaps(self) -> NDArray[np.bool_]:
        """Which columns have missing values anywhere."""
        cells = [given.cells for given in (self.train, self.test, self.distinct) if given.cells is not None]
        return np.any([np.isnan(part).any(axis=0) for part in cells], axis=0)

    def _means(self, fakes: list[dict[str, float]], floors: list[dict[str, float]]) -> tuple[Figure, ...]:
        overlap = self.size / len(self.train)
        made = []
        for name in fakes[0]:
            value, floor = (np.array([draw[name] for draw in draws]) for draws in (fakes, floors))
            interval = draws_interval(value, floor, self.overlap, overlap, self.rng)
            made.append(Figure.of(name, value.mean(), floor.mean(), interval))
        return tuple(made)

    def compared(self, out_of: tuple[int, int] | None) -> Compared:
        """With how many rows, out of how many."""
        known, judged = len(self.train.every), len(self.test.every)
        train, test = out_of or (known, judged)
        return Compared(len(self.train), max(train, known), len(self.test), max(test, judged), known)

    def notes(self) -> tuple[str, ...]:
        """What this many rows cannot tell."""
        columns, notes = self.train_points.shape[1], []
        if not frechet_can_tell(self.size, columns):
            notes.append(
                f"no Fréchet distance: the covariance of {columns} columns wants draws of {2 * columns} rows or more, "
                f"and 512 columns at most; they have {self.size} rows."
            )
        if self.marginals is not None and self.marginals.drawn:
            few = len(self.marginals.paired)
            notes.append(f"pairs are those of {few} columns out of {len(self.columns)}, drawn at random.")
        return tuple(notes)

    def copying(self) -> tuple[Figure, ...]:
        """Near copies, exact copies, and which side is nearer."""
        train, test = self.train_points, self.test_points
        pool = self.units("fake", self._pool().points)
        held_out = test[_pick(self.rng, len(test), MOST_SAMPLES)]
        gaps = memory.spacing(train, _pick(self.rng, len(train), MOST_SAMPLES))
        threshold = float(np.quantile(gaps, NEAR))
        near, usual = memory.nearest(pool, train) <= threshold, memory.nearest(held_out, train) <= threshold
        equal = memory.exact_copies(self.distinct.exact, self.train.every)
        equal_usual = memory.exact_copies(self.test.exact, self.train.every)
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
        namer = classes.taught(classifier, self.train.points, labels, seed)
        pool = namer.probabilities(self._pool().points)
        held_out = namer.probabilities(self.test.points[_pick(self.rng, len(self.test), MOST_SAMPLES)])
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
        rows = len(self.test.every)
        if len(test_labels) != rows:
            raise ShapeError(f"test_labels must hold a class for each of {rows} rows; got {len(test_labels)}.")
        test_labels = self.test.of_these(test_labels)
        n, seed = min(len(self.distinct), len(self.train), MOST_TAUGHT), int(self.rng.integers(2**31))
        picked = _pick(self.rng, len(self.train), n)
        hits = [
            classes.hits(classifier, rows, known, self.test.points, test_labels, seed)
            for rows, known in (
                (self.distinct.points[:n], self.classes[:n]),
                (self.train.points[picked], labels[picked]),
            )
        ]
        return self._shares("tstr", *hits)

    def _held_out(self) -> Iterator[tuple[HeldOut, HeldOutTable | None]]:
        """The held-out rows that each draw meets, made once if all draws meet them all."""
        everything = None
        for _ in self.samples:
            if self.size < len(self.test):
                yield self._some_held_out(_pick(self.rng, len(self.test), self.size))
            else:
                everything = everything or self._some_held_out(slice(None))
                yield everything

    def _some_held_out(self, rows: Any) -> tuple[HeldOut, HeldOutTable | None]:
        table = None
        if self.marginals is not None and self.test.cells is not None:
            table = self.marginals.against(self.test.cells[rows])
        return HeldOut.of(self.test_points[rows]), table

    def _pool(self) -> Given:
        """At most 1,000 distinct samples."""
        return self.distinct.some(slice(MOST_SAMPLES))

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


def _made(reader: Arrays | Tables, fake: Callable[[int, int], Any], n: int, seed: int) -> Given:
    rows = reader.read("fake", fake(n, seed))
    if len(rows) != n:
        raise ShapeError(f"fake(n, seed) must return n samples; asked for {n} it returned {len(rows)}.")
    return rows
