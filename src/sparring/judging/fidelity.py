"""Precision, recall, density and coverage, from balls that reach each point's k-th neighbour.

One convention throughout: balls are closed (a point on the rim is inside), a point is not its
own neighbour, and radii are widened by 1e-9 of themselves, so that a tie is not decided by the
rounding of two equal distances. The two clouds may differ in size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sparring.errors import InputError
from sparring.transport.clouds import Floats, distances

__all__ = [
    "Balls",
    "Fidelity",
    "balls",
    "coverage",
    "density",
    "fidelity",
    "from_distances",
    "gaps",
    "precision",
    "radii",
    "reaches",
    "recall",
    "wide_neighbours",
]

NEIGHBOURS = 3  # precision and recall: Kynkäänniemi et al. 2019
WIDE_NEIGHBOURS = 5  # density and coverage: Naeem et al. 2020
WIDENED = 1 + 1e-9


class Fidelity(NamedTuple):
    """precision, recall and coverage lie in [0, 1]; density is >= 0, and 1 on average for the same law."""

    precision: float
    recall: float
    density: float
    coverage: float


class Balls(NamedTuple):
    """The radii (n,) of the balls around a cloud's points: narrow reach 3 neighbours, wide ones 5 (of 5 points, 4)."""

    narrow: Floats
    wide: Floats


def fidelity(fake: Floats, real: Floats) -> Fidelity:
    """All four figures for the points fake (n, d) and real (m, d). Raises InputError unless n, m > 4.

    >>> points = np.arange(12.0)[:, None]
    >>> fidelity(points, points).coverage
    1.0
    """
    return from_distances(distances(fake, real), balls(fake), balls(real))


def from_distances(between: Floats, fake: Balls, real: Balls) -> Fidelity:
    """The same, from the distances (n, m) between fakes and reals and the balls of both."""
    return Fidelity(
        precision(between, real.narrow),
        recall(between, fake.narrow),
        density(between, real.wide, wide_neighbours(between.shape[1])),
        coverage(between, real.wide),
    )


def wide_neighbours(points: int) -> int:
    """How many neighbours the wide balls of so many points reach: five, or all others where there are fewer."""
    return min(WIDE_NEIGHBOURS, points - 1)


def precision(between: Floats, real_radii: Floats) -> float:
    """The share of fakes inside the ball of some real point (Kynkäänniemi et al. 2019, eq. 2, k = 3)."""
    return float((between <= real_radii).any(axis=1).mean())


def recall(between: Floats, fake_radii: Floats) -> float:
    """The share of real points inside the ball of some fake (Kynkäänniemi et al. 2019, eq. 3, k = 3)."""
    return float((between <= fake_radii[:, None]).any(axis=0).mean())


def density(between: Floats, real_radii: Floats, neighbours: int = WIDE_NEIGHBOURS) -> float:
    """How many reals' balls hold a fake, on average, over k (Naeem et al. 2020, eq. 3, with open balls)."""
    return float((between <= real_radii).sum() / (neighbours * len(between)))


def coverage(between: Floats, real_radii: Floats) -> float:
    """The share of real points whose ball holds a fake (Naeem et al. 2020, eq. 4, with open balls)."""
    return float((between <= real_radii).any(axis=0).mean())


def balls(points: Floats) -> Balls:
    """The balls of a cloud (n, d) with n > 4."""
    return Balls(*radii(points, [NEIGHBOURS, wide_neighbours(len(points))]))


def radii(points: Floats, neighbours: Sequence[int]) -> list[Floats]:
    """For each k, every point's distance to its k-th nearest other point, (n,). InputError if n <= k."""
    if len(points) <= max(neighbours):
        raise InputError(
            f"balls that reach {max(neighbours)} neighbours need more points than that; got {len(points)}."
        )
    return reaches(gaps(points), neighbours)


def gaps(points: Floats) -> Floats:
    """The distances (n, n) between a cloud's points; a point is not its own neighbour, so infinity on the diagonal."""
    found = distances(points, points)
    np.fill_diagonal(found, np.inf)
    return found


def reaches(found: Floats, neighbours: Sequence[int]) -> list[Floats]:
    """The radii from a cloud's ``gaps``, which are put into another order."""
    found.partition([k - 1 for k in neighbours], axis=1)
    return [found[:, k - 1] * WIDENED for k in neighbours]
