"""Linear maps that carry one cloud of points onto another, found without knowing which point belongs to which."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sparring.transport.clouds import distances
from sparring.transport.exact import cheapest

__all__ = ["Alignment", "alignments", "w1_between"]

Floats = NDArray[np.float64]
MATCHED = 200  # points of either cloud that are matched again and again
MEASURED = 500  # points by which a map is measured
ROUNDS = 12  # of matching and turning, at most
THIN = 1e-3  # of the largest variance: directions of less are not stretched to one
ALIKE = 0.1  # relative difference of two maps that are the same


@dataclass(frozen=True)
class Alignment:
    """x -> matrix x + offset, and back by y -> inverse (y - offset). w1: exact Wasserstein-1 from mapped x to y."""

    matrix: Floats
    inverse: Floats
    offset: Floats
    w1: float

    def __call__(self, x: Any) -> Floats:
        return np.asarray(x, np.float64) @ self.matrix.T + self.offset


def alignments(x: Any, y: Any, count: int = 1, *, tries: int = 40, seed: int = 0) -> list[Alignment]:
    """Maps of points x (n, p) onto points y (m, q), the best first, and no two of them alike; at most ``count``.

    Each cloud is brought to mean zero and unit covariance; between those the map is orthogonal, whatever it was. From
    each of ``tries`` orthogonal matrices by chance, matching points by exact optimal transport and turning them onto
    their matches, by turns, leads to an optimum nearby. Where p = q, leaving the points as they are is a map
    too. Maps are compared by exact Wasserstein-1 on 500 points of each cloud.
    Source: Grave, Joulin & Berthet 2019 ("Unsupervised alignment of embeddings with Wasserstein Procrustes").

    >>> rng = np.random.default_rng(0)
    >>> x, y = (rng.exponential(size=(500, 2)) ** [1, 2] for _ in range(2))
    >>> best, *_ = alignments(x, y @ [[0.0, 1.0], [1.0, 0.0]])
    >>> bool(np.abs(best.matrix - [[0, 1], [1, 0]]).max() < 0.3)
    True
    """
    rng = np.random.default_rng(seed)
    clouds = [_drawn(np.asarray(points, np.float64), rng) for points in (x, y)]
    size = min(points.shape[1] for points in clouds)
    (white_x, into_x, out_x, mean_x), (white_y, into_y, out_y, mean_y) = (_whitened(p, size) for p in clouds)
    maps: list[tuple[Floats, Floats, Floats]] = []
    if clouds[0].shape[1] == clouds[1].shape[1]:
        maps.append((np.eye(size), np.eye(size), np.zeros(size)))
    for _ in range(tries):
        turn = _turned(_orthogonal(size, rng), white_x, white_y)
        matrix = out_y @ turn @ into_x
        if all(_differ(matrix, other) for other, _, _ in maps):
            maps.append((matrix, out_x @ turn.T @ into_y, mean_y - matrix @ mean_x))
    found = [Alignment(*made, w1_between(clouds[0] @ made[0].T + made[2], clouds[1])) for made in maps]
    return sorted(found, key=lambda alignment: alignment.w1)[:count]


def w1_between(x: Floats, y: Floats) -> float:
    """Exact Wasserstein-1 between two clouds, every point of a cloud of one weight."""
    return cheapest(distances(x, y), np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))).cost


def _drawn(points: Floats, rng: np.random.Generator) -> Floats:
    return points[rng.permutation(len(points))[:MEASURED]]


def _whitened(points: Floats, size: int) -> tuple[Floats, Floats, Floats, Floats]:
    """The points as (n, k) of unit covariance, the maps (k, p) there and (p, k) back, and the mean."""
    mean = points.mean(0)
    values, vectors = np.linalg.eigh(np.cov(points.T).reshape(points.shape[1], -1))
    values, vectors = values[::-1][:size], vectors[:, ::-1][:, :size]
    deviations = np.sqrt(np.maximum(values, THIN * values[0]))
    there = (vectors / deviations).T
    return (points - mean) @ there.T, there, vectors * deviations, mean


def _orthogonal(size: int, rng: np.random.Generator) -> Floats:
    """Uniform over all orthogonal matrices, mirrorings among them."""
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def _turned(turn: Floats, x: Floats, y: Floats) -> Floats:
    """The optimum of matching and turning that is near."""
    n = min(len(x), len(y), MATCHED)
    for _ in range(ROUNDS):
        before = turn
        partners = linear_sum_assignment(distances(x[:n] @ turn.T, y[:n]) ** 2)[1]
        left, _, right = np.linalg.svd(y[partners].T @ x[:n])
        turn = left @ right
        if np.abs(turn - before).max() < 1e-6:
            break
    return turn


def _differ(matrix: Floats, other: Floats) -> bool:
    return bool(np.linalg.norm(matrix - other) > ALIKE * np.linalg.norm(other))
