"""What a probe compares samples with: real rows, what real rows score against them, and the cells that they fill."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from sparring.judging import fidelity
from sparring.judging.memory import spacing
from sparring.judging.watched import Watched
from sparring.quiet import quiet
from sparring.transport.clouds import Floats, distances

__all__ = ["Yardstick", "room"]

MOST, LEAST = 256, 64  # rows of a probe
NUMBERS = 2**19  # in a probe's rows together, where that leaves at least LEAST
CELLS, PER_CELL = 25, 10  # cells, and samples for each
CLUSTERED = 4_000  # rows that the cells are found from
_CLUSTERING = threading.Lock()  # k-means changes the number of BLAS threads of the whole process, and puts it back
REMEMBERED = 1_000  # training rows, and as many held-out ones, that samples are held against
CLOSE = 0.05  # of the median distance between a real row and its nearest: nearer samples are duplicates


def room(shape: tuple[int, ...]) -> int:
    """How many rows of a shape a probe looks at."""
    return int(np.clip(NUMBERS // max(int(np.prod(shape)), 1), LEAST, MOST))


@dataclass(frozen=True)
class Yardstick:
    """Real rows, what as many other real rows score against them, and where the real rows' mass lies.

    seen: the rows that W1 and coverage are measured by. centres (k, d) and masses (k,): of k-means cells over the
    real rows. spread: root mean squared distance of real rows from their mean. gap: the median distance of a
    real row to its nearest other. recall: of as many other real rows. train, held_out: rows to be compared with
    for memory, or None where nothing is held out.
    """

    seen: Watched
    centres: Floats
    masses: Floats
    spread: float
    gap: float
    recall: float
    train: Floats | None = None
    held_out: Floats | None = None

    @classmethod
    def of(cls, train: NDArray[Any], held_out: NDArray[Any], seed: int) -> "Yardstick | None":
        """train, held_out: rows (n, ...) each. Without enough held-out rows, training rows stand on both sides.

        None where there are too few rows to say anything.
        """
        rng = np.random.default_rng(seed)
        train = train[rng.permutation(len(train))]
        least = 2 * fidelity.WIDE_NEIGHBOURS
        apart = len(held_out) >= LEAST
        half = len(train) // 2
        real, other = (held_out, train) if apart else (train[:half], train[half:])
        if min(len(real), len(other)) < least:
            return None
        seen = Watched.of(other, real, seed, most=room(train.shape[1:]))
        points = seen.units("train", train[:CLUSTERED])
        cells = max(min(CELLS, seen.size // PER_CELL), 1)
        with quiet(ConvergenceWarning), _CLUSTERING:  # fewer different rows than cells: some stay empty
            found = KMeans(cells, n_init="auto", random_state=seed % 2**32).fit(points)
        masses = np.bincount(found.predict(points), minlength=cells) / len(points)
        some = points[: seen.size]
        between = distances(some, seen.real)
        return cls(
            seen,
            np.asarray(found.cluster_centers_, np.float64),
            masses,
            _spread(points),
            float(np.median(spacing(points, np.arange(len(some))))),
            fidelity.recall(between, fidelity.balls(some).narrow),
            points[:REMEMBERED] if apart else None,
            seen.units("held_out", real[:REMEMBERED]) if apart else None,
        )

    @property
    def size(self) -> int:
        """How many samples are measured."""
        return self.seen.size

    def figures(self, samples: Any) -> dict[str, float]:
        """Of samples (size, ...), finite ones: their distance from real rows, their variety, and what they copy.

        w1, coverage, recall: over the same of real rows. dispersion: the samples' spread over the real rows'.
        missed: the real rows' mass in cells that hold no sample. duplicates: the share of samples with another one
        nearer than a twentieth of the usual distance between real rows. nearer: the share of samples nearer to
        training rows than to as many held-out rows, where some are held out. voices: how many of those rows have a say
        in that, as the nearest to samples: one over the sum of their squared shares.
        """
        points = self.seen.units("samples", np.asarray(samples))
        between = distances(points, self.seen.real)
        cells = distances(points, self.centres).argmin(axis=1)
        found, gaps = self.seen.figures(samples), fidelity.gaps(points)
        found["duplicates"] = float((gaps.min(axis=1) < CLOSE * self.gap).mean())
        (reach,) = fidelity.reaches(gaps, [fidelity.NEIGHBOURS])
        found["recall"] = fidelity.recall(between, reach) / (self.recall or 1.0)
        found["dispersion"] = _spread(points) / (self.spread or 1.0)
        found["missed"] = float(self.masses[np.bincount(cells, minlength=len(self.masses)) == 0].sum())
        return found | self._memory(points)

    def _memory(self, points: Floats) -> dict[str, float]:
        if self.train is None or self.held_out is None:
            return {}
        n = min(len(self.train), len(self.held_out))
        gaps = distances(points, np.concatenate([self.train[:n], self.held_out[:n]]))
        gain = gaps[:, n:].min(axis=1) - gaps[:, :n].min(axis=1)
        shares = np.bincount(gaps.argmin(axis=1)) / len(points)
        return {"nearer": float(((np.sign(gain) + 1) / 2).mean()), "voices": float(1 / np.square(shares).sum())}


def _spread(points: Floats) -> float:
    return float(np.sqrt(points.var(axis=0).sum()))
