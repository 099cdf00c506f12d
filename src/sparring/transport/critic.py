"""The dual as a function: the best critic there is, and how near another one comes to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe
from sparring.transport.clouds import Floats, cloud, pair

__all__ = ["Critic", "quality"]

PART = 1024  # points whose distances are held at once


@dataclass(frozen=True, eq=False)
class Critic:
    """f(x) = min_j d(x, y_j) - lambda_j: the 1-Lipschitz function that tells two clouds apart best.

    Each d(., y_j) - lambda_j is 1-Lipschitz by the triangle inequality, and so is their minimum. At the points of the
    problem f(x_i) = gamma_i and f(y_j) <= -lambda_j, so that sum_i a_i f(x_i) - sum_j b_j f(y_j) is the dual's
    value: the Wasserstein-1 distance, the supremum over all 1-Lipschitz functions.
    points: (m, d). prices: lambda, (m,). between: the distances (n, m) of two clouds.
    Source: the lecture, "Wasserstein distance"; McShane 1934 for the extension.
    """

    points: Floats
    prices: Floats
    between: Callable[[Floats, Floats], Floats]

    def __call__(self, x: ArrayLike) -> Floats:
        """The values f(x), (n,), of points (n, d). Raises ShapeError for points of another size."""
        flat = cloud("x", np.asarray(x))
        if flat.shape[1] != self.points.shape[1]:
            raise ShapeError(f"the critic takes points of {self.points.shape[1]} columns; got {flat.shape[1]}.")
        parts = [flat[at : at + PART] for at in range(0, len(flat), PART)]
        return np.concatenate([(self.between(part, self.points) - self.prices).min(axis=1) for part in parts])


def quality(
    critic: Callable[[NDArray[Any]], ArrayLike],
    x: NDArray[Any],
    y: NDArray[Any],
    exact: float,
    between: Callable[[Floats, Floats], Floats],
) -> float:
    """How much of the exact distance a critic shows: (mean f(x) - mean f(y)) / largest slope / distance, in [0, 1].

    The slope is the largest |f(u) - f(v)| / d(u, v) between any two of the points: divided by it the critic is
    1-Lipschitz on them, and the dual bounds its gap. A constant critic, and one with its sign turned, has 0.
    """
    if exact <= 0:
        raise InputError("x and y are at distance 0: there is nothing for a critic to tell apart.")
    values = np.concatenate([_scores(critic, x), _scores(critic, y)])
    joined = np.concatenate(pair(x, y))
    slope = 0.0
    for at in range(0, len(joined), PART):
        apart = between(joined[at : at + PART], joined)
        rises = np.abs(values[at : at + PART, None] - values)
        slope = max(slope, float(np.divide(rises, apart, out=np.zeros_like(rises), where=apart > 0).max()))
    gap = float(values[: len(x)].mean() - values[len(x) :].mean())
    return min(max(gap / slope / exact, 0.0), 1.0) if slope > 0 else 0.0


def _scores(critic: Callable[[NDArray[Any]], ArrayLike], points: NDArray[Any]) -> Floats:
    found = np.asarray(critic(points), np.float64)
    if found.shape not in ((len(points),), (len(points), 1)):
        raise ShapeError(f"the critic must give one score per point, ({len(points)},); got {describe(found.shape)}.")
    if not np.isfinite(found).all():
        raise DataError("the critic gives scores that are not finite.")
    return found.reshape(-1)
