"""How far chance alone moves a distance: intervals, and the distance between two parts of the same data."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from sparring.errors import InputError
from sparring.seeds import seed_from
from sparring.transport.clouds import Floats, masses, pair
from sparring.transport.exact import cheapest
from sparring.transport.problem import Metric, distance_matrix, wasserstein
from sparring.transport.ratios import Interval, draws_interval

__all__ = ["Beside", "against_floor", "bootstrap"]

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Beside:
    """A distance beside its floor, both means over draws of equally many points.

    value: between draws of x and of y. floor: between two draws of x that share no point, so of one law.
    interval: where value / floor lies with 95 % confidence; None if a floor of 0 or a single draw cannot say.
    samples: points in each draw. draws: how many.
    """

    value: float
    floor: float
    interval: Interval
    samples: int
    draws: int

    @property
    def ratio(self) -> float | None:
        """value / floor: near 1 where x and y could be of one law; None where the floor is 0."""
        return self.value / self.floor if self.floor > 0 else None


def against_floor(
    x: ArrayLike,
    y: ArrayLike,
    *,
    samples: int | None = None,
    draws: int = 10,
    metric: Metric = "euclidean",
    p: float = 1.0,
    random_state: Any = 0,
) -> Beside:
    """The Wasserstein-p distance from x (n, ...) to y (m, ...) beside that from x to itself, at the same size.

    Between two samples of one law the distance is above 0, and the more so the fewer points there are; only
    beside this floor does a distance say anything. Each draw takes ``samples`` points of x, as many others of x, and as
    many of y; default: all that n / 2 and m allow, 1,000 at most.
    Raises InputError for fewer than four points of x or two of y, and whatever ``solve`` raises.

    >>> rng = np.random.default_rng(0)
    >>> found = against_floor(rng.normal(size=(400, 2)), rng.normal(size=(200, 2)))
    >>> found.samples, 0.8 < found.ratio < 1.25
    (200, True)
    """
    points, others = pair(x, y)
    most = min(len(points) // 2, len(others))
    size = min(1000, most) if samples is None else samples
    if draws < 1 or not 2 <= size <= most:
        raise InputError(
            f"draws of {size} points, twice from {len(points)} in x and once from {len(others)} in y, {draws} time(s) "
            "are not possible; two points in each and one draw are needed at least."
        )
    rng = np.random.default_rng(seed_from(random_state))
    found = np.empty((draws, 2))
    for k in range(draws):
        mine, theirs = rng.permutation(len(points)), rng.permutation(len(others))[:size]
        one, other = points[mine[:size]], points[mine[size : 2 * size]]
        found[k] = wasserstein(one, others[theirs], metric=metric, p=p), wasserstein(one, other, metric=metric, p=p)
    interval = draws_interval(found[:, 0], found[:, 1], size / len(others), size / len(points), rng)
    return Beside(float(found[:, 0].mean()), float(found[:, 1].mean()), interval, size, draws)


def bootstrap(
    x: ArrayLike,
    y: ArrayLike,
    *,
    replicates: int = 100,
    metric: Metric = "euclidean",
    p: float = 1.0,
    random_state: Any = 0,
) -> tuple[float, float]:
    """The 95 % interval of the Wasserstein-p distance over new samples of as many points: (low, high), >= 0.

    The points of both are drawn again with replacement; the spread of those distances is the distance's own. Their mean
    is not: a cloud that repeats points is further from any other, so the interval stands around the
    distance measured. It says where this distance would fall again, not where that of the two laws lies, which is
    less by about the floor (see ``against_floor``). Near the floor it is too wide. replicates: >= 20.
    Source: Sommerfeld & Munk 2018; del Barrio & Loubes 2019 for the normal limit.
    """
    if replicates < 20:
        raise InputError(f"replicates must be at least 20; got {replicates}.")
    points, others = pair(x, y)
    costs = distance_matrix(points, others, metric) ** p
    a, b = masses(None, None, len(points), len(others))
    measured = cheapest(costs, a, b).cost
    rng = np.random.default_rng(seed_from(random_state))
    again = np.array([cheapest(costs, _redrawn(rng, a), _redrawn(rng, b)).cost for _ in range(replicates)])
    spread = Z * float(again.std(ddof=1))
    low, high = max(measured - spread, 0.0), measured + spread
    return low ** (1 / p), high ** (1 / p)


def _redrawn(rng: np.random.Generator, weights: Floats) -> Floats:
    return cast(Floats, rng.multinomial(len(weights), weights) / len(weights))
