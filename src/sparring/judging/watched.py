"""What is measured of a generator while it learns: few samples against the same held-out rows, again and again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sparring.errors import InputError
from sparring.judging import fidelity
from sparring.judging.units import Units, like
from sparring.transport.clouds import Floats, distances, numbers
from sparring.transport.exact import cheapest

__all__ = ["MEASURES", "Watched"]

MEASURES = ("w1", "coverage")
MOST = 500  # samples of a look: it takes about 30 ms


@dataclass(frozen=True)
class Watched:
    """Held-out rows, and what training rows score in the samples' place.

    size: samples that a look needs. floor: W1 and coverage of as many training rows.
    """

    units: Units
    real: Floats
    balls: fidelity.Balls
    size: int
    floor: tuple[float, float]

    @classmethod
    def of(cls, train: ArrayLike, held_out: ArrayLike, seed: int, most: int = MOST) -> "Watched":
        """train, held_out: rows (n, ...). Raises InputError if there are fewer than six of either."""
        rng = np.random.default_rng(seed)
        rows = numbers("train", train)
        real = like("held_out", held_out, rows)
        size = min(most, len(real), len(rows))
        if size <= fidelity.WIDE_NEIGHBOURS:
            raise InputError(f"{size} rows are too few to watch a generator by; at least 6 are needed.")
        units = Units.of(rows)
        points = units("held_out", real[rng.permutation(len(real))[:size]])
        other = units("train", rows[rng.permutation(len(rows))[:size]])
        balls = fidelity.balls(points)
        return cls(units, points, balls, size, _measured(other, points, balls))

    def figures(self, samples: Any) -> dict[str, float]:
        """W1 and coverage of samples (size, ...), each over its floor."""
        found = _measured(self.units("samples", np.asarray(samples)), self.real, self.balls)
        return {name: value / (least or 1.0) for name, value, least in zip(MEASURES, found, self.floor, strict=True)}


def _measured(points: Floats, real: Floats, balls: fidelity.Balls) -> tuple[float, float]:
    between = distances(points, real)
    n, m = between.shape
    cost = cheapest(between, np.full(n, 1 / n), np.full(m, 1 / m)).cost
    return cost, fidelity.coverage(between, balls.wide)
