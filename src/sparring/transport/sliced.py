"""Distances that need no plan: along random lines, and between Gaussians."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sparring.errors import DataError, InputError, ShapeError
from sparring.seeds import seed_from
from sparring.shapes import describe
from sparring.transport.clouds import Floats, masses, numbers, pair
from sparring.transport.line import on_a_line

__all__ = ["Estimate", "gaussian", "sliced"]


class Estimate(NamedTuple):
    """A mean over random draws, and its standard error."""

    value: float
    error: float


def sliced(
    x: ArrayLike,
    y: ArrayLike,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    *,
    projections: int = 200,
    p: float = 1.0,
    random_state: int | np.random.Generator | None = None,
) -> Estimate:
    """The sliced Wasserstein distance: (mean over directions t of W_p(x.t, y.t)^p)^(1/p), t uniform on the unit sphere.

    A lower bound of W_p that needs no matrix of distances: time projections * n log n, memory n. It is not W_p, but
    zero for the same clouds alone. x: (n, d), y: (m, d). projections: >= 2. p: >= 1.
    Returns (value, its standard error over the directions), in units of the data.
    Source: Bonneel et al. 2015.

    >>> sliced([[0.0, 0.0]], [[3.0, 4.0]], random_state=0).value < 5
    True
    """
    if projections < 2:
        raise InputError(f"projections must be at least 2; got {projections}.")
    if not np.isfinite(p) or p < 1:
        raise InputError(f"p must be at least 1; got {p!r}.")
    points, others = pair(x, y)
    a, b = masses(x_weights, y_weights, len(points), len(others))
    rng = np.random.default_rng(seed_from(random_state))
    found = np.empty(projections)
    for k in range(projections):
        direction = rng.normal(size=points.shape[1])
        direction /= np.linalg.norm(direction)
        u, v = points @ direction, others @ direction
        coupling = on_a_line(u, v, a, b, p)[0].tocoo()
        found[k] = coupling.data @ np.abs(u[coupling.row] - v[coupling.col]) ** p
    mean, error = found.mean(), found.std(ddof=1) / np.sqrt(projections)
    value = float(mean ** (1 / p))
    return Estimate(value, float(error * value / (p * mean)) if mean > 0 else 0.0)  # the root's slope


def gaussian(mean_x: ArrayLike, covariance_x: ArrayLike, mean_y: ArrayLike, covariance_y: ArrayLike) -> float:
    """The Wasserstein-2 distance between two Gaussians, in closed form.

    W_2^2 = |m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x^(1/2) C_y C_x^(1/2))^(1/2)).
    means: (d,). covariances: (d, d), symmetric, positive semi-definite. Raises ShapeError or DataError.
    Source: Dowson & Landau 1982; the Frechet distance of FID.

    >>> gaussian([0.0], [[1.0]], [3.0], [[25.0]])  # the root of 3^2 + (5 - 1)^2
    5.0
    """
    m, n = (numbers(name, value).astype(float) for name, value in (("mean_x", mean_x), ("mean_y", mean_y)))
    first, second = _covariance("covariance_x", covariance_x, m), _covariance("covariance_y", covariance_y, n)
    if m.shape != n.shape:
        raise ShapeError(f"both means need one shape; got {describe(m.shape)} and {describe(n.shape)}.")
    root = _root(first)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return float(np.sqrt(max(np.square(m - n).sum() + np.trace(first) + np.trace(second) - 2 * cross, 0.0)))


def _covariance(name: str, value: ArrayLike, mean: Floats) -> Floats:
    matrix = numbers(name, value).astype(float)
    if mean.ndim != 1 or matrix.shape != (len(mean), len(mean)):
        needed = "(d,) and (d, d)"
        raise ShapeError(f"means and covariances must be {needed}; {name} has the shape {describe(matrix.shape)}.")
    size = np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > 1e-9 * size or np.linalg.eigvalsh(matrix).min() < -1e-9 * size:
        raise DataError(f"{name} must be symmetric and positive semi-definite.")
    return matrix


def _root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
