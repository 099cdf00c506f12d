"""What one draw of points scores against as many held-out ones."""

from dataclasses import dataclass

import numpy as np

from sparring.judging import fidelity
from sparring.judging.frechet import frechet_distance
from sparring.transport.clouds import Floats, distances
from sparring.transport.exact import cheapest
from sparring.transport.sliced import sliced

__all__ = ["HeldOut", "frechet_can_tell", "neighbour_accuracy"]

LINES = 100  # directions of the sliced distance, the same for every draw
WIDEST = 512  # columns up to which a root of covariances is taken: beyond, it takes longer than all else


def frechet_can_tell(rows: int, columns: int) -> bool:
    """Whether a draw has rows enough for the covariance of so many columns: twice as many."""
    return 2 * columns <= rows and columns <= WIDEST


@dataclass(frozen=True)
class HeldOut:
    """Held-out points (n, d), and what is known of them beforehand. nearest: each one's distance to another (n,)."""

    points: Floats
    balls: fidelity.Balls
    nearest: Floats

    @classmethod
    def of(cls, points: Floats) -> "HeldOut":
        balls, nearest = _known(points)
        return cls(points, balls, nearest)

    def measured(self, points: Floats) -> dict[str, float]:
        """The figures of points (m, d): see ``verdict.MEANINGS``. The Fréchet distance where it can tell anything."""
        between = distances(points, self.points)
        n, m = between.shape
        balls, nearest = _known(points)
        found = {
            "w1": cheapest(between, np.full(n, 1 / n), np.full(m, 1 / m)).cost,
            "sliced_w1": sliced(points, self.points, projections=LINES, random_state=0).value,
            **fidelity.from_distances(between, balls, self.balls)._asdict(),
            "two_sample": neighbour_accuracy(between, nearest, self.nearest),
        }
        if frechet_can_tell(min(n, m), points.shape[1]):
            found["frechet"] = frechet_distance(points, self.points)
        return found


def _known(points: Floats) -> tuple[fidelity.Balls, Floats]:
    gaps = fidelity.gaps(points)
    nearest = gaps.min(axis=1)
    return fidelity.Balls(*fidelity.reaches(gaps, [fidelity.NEIGHBOURS, fidelity.wide_neighbours(len(gaps))])), nearest


def neighbour_accuracy(between: Floats, fake: Floats, real: Floats) -> float:
    """How often a point's nearest neighbour is of its own kind: the leave-one-out accuracy of that classifier.

    One half for two samples of the same law, 1 where they lie apart; below one half where samples sit on real points.
    Both kinds count alike; a tie counts half. between: distances (n, m) of fakes to reals; fake (n,), real (m,): each
    one's distance to the nearest other of its kind.
    Source: Schilling 1986; Lopez-Paz & Oquab 2017, section 3, for the test on samples of a generator.
    """
    sides = [np.sign(between.min(axis=1) - fake), np.sign(between.min(axis=0) - real)]
    return float(np.mean([(side.mean() + 1) / 2 for side in sides]))
