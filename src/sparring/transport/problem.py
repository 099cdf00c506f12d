"""Transport problems as people have them: clouds of points, weighted or not, and what it costs to carry mass."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe
from sparring.transport.clouds import Floats, distances, masses, numbers, pair
from sparring.transport.critic import Critic, quality
from sparring.transport.exact import certified, cheapest
from sparring.transport.line import on_a_line
from sparring.transport.pairs import require_room
from sparring.transport.plan import Plan, Potentials

__all__ = ["Metric", "critic_quality", "distance_matrix", "solve", "wasserstein"]

NAMED = ("euclidean", "cityblock", "chebyshev")
METHODS = ("auto", "simplex", "assignment", "line", "program")
Metric = str | Callable[[Floats, Floats], ArrayLike] | ArrayLike


def solve(
    x: ArrayLike | None,
    y: ArrayLike | None = None,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    *,
    metric: Metric = "euclidean",
    p: float = 1.0,
    method: Literal["auto", "simplex", "assignment", "line", "program"] = "auto",
) -> Plan:
    """The cheapest way to carry the mass at the points x to the points y, at the price of distance to the power p.

    min over couplings pi of sum_ij pi_ij d(x_i, y_j)^p, with sum_j pi_ij = a_i and sum_i pi_ij = b_j;
    its dual is max over (gamma, lambda) of a.gamma + b.lambda, with gamma_i + lambda_j <= d(x_i, y_j)^p.

    x: (n, d), y: (m, d); vectors (n,) count as one column, images (n, h, w, ...) as flat rows.
    x_weights: (n,), y_weights: (m,), >= 0, with equal sums; None gives every point the same weight.
    The mass is scaled to one.
    metric: "euclidean", "cityblock", "chebyshev"; a function of both clouds, (n, d) and (m, d), that returns the
    distances (n, m); or these distances themselves, where x and y may be None. p: >= 1.
    method: "simplex" (the network simplex), "assignment" (as many points, of equal weight), "line" (one column;
    n log n, no matrix), "program" (the lecture's linear programme written out, for small problems), or "auto":
    line where it applies, else simplex. All are exact, and agree.
    Memory: 8 n m bytes for the distances, with 3 more while the simplex works (35 where many plans are equally
    cheap) or 1 for an assignment; on a line 100 (n + m). Time grows a little faster than n m.
    Returns a Plan, always certified; its cost is W_p^p. Raises DataError for values that are not finite and negative
    weights, ShapeError for points of different shapes, InputError for empty clouds, unequal
    masses, methods that do not apply and more points than memory holds, RunError if the solver gives no optimal answer.
    Source: Kantorovich 1942; solver: Bonneel et al. 2011, in POT. Unlike POT's own, the potentials
    are feasible everywhere, the costs are scaled before the solver sees them (at distances of 1e12
    it returns wrong plans as optimal), and an answer that is not optimal is an error, not a warning.

    >>> plan = solve([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    >>> plan.cost, plan.certified
    (5.0, True)
    >>> solve(None, metric=[[0.0, 2.0], [1.0, 5.0]]).cost
    1.5
    """
    if not np.isfinite(p) or p < 1:
        raise InputError(f"p must be at least 1; got {p!r}.")
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    flat_x, flat_y = None, None
    if not isinstance(metric, str) and not callable(metric):
        costs = _given(metric, x, y)
        a, b = masses(x_weights, y_weights, *costs.shape)
    else:
        flat_x, flat_y = pair(*_both(x, y))
        a, b = masses(x_weights, y_weights, len(flat_x), len(flat_y))
        on_line = isinstance(metric, str) and flat_x.shape[1] == 1
        if method == "line" or (method == "auto" and on_line):
            if not on_line:
                raise InputError("method 'line' needs points of one column and a named metric; use 'simplex'.")
            _check_name(metric)
            return _with_points(_on_a_line(flat_x[:, 0], flat_y[:, 0], a, b, p), flat_x, flat_y, metric, p)
        require_room(len(flat_x), len(flat_y))
        costs = _between(flat_x, flat_y, metric)
    if method == "line":
        raise InputError("method 'line' needs points of one column and a named metric; use 'simplex'.")
    if p != 1:
        np.power(costs, p, out=costs)
    plan = cheapest(costs, a, b, "simplex" if method == "auto" else method)
    return plan if flat_x is None or flat_y is None else _with_points(plan, flat_x, flat_y, metric, p)


def wasserstein(
    x: ArrayLike | None,
    y: ArrayLike | None = None,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    *,
    metric: Metric = "euclidean",
    p: float = 1.0,
) -> float:
    """The exact Wasserstein-p distance between two clouds: ``solve(...).cost ** (1 / p)``, >= 0, in units of the data.

    Between two samples of one law it is not 0: judge it beside the same distance between two real samples.

    >>> wasserstein([[0.0, 0.0]], [[3.0, 4.0]])
    5.0
    >>> wasserstein([0.0, 0.0], [3.0, 5.0], p=2)  # the root of (9 + 25) / 2
    4.123105625617661
    """
    return solve(x, y, x_weights, y_weights, metric=metric, p=p).cost ** (1 / p)


def critic_quality(
    critic: Callable[[Any], ArrayLike], x: ArrayLike, y: ArrayLike, *, metric: Metric = "euclidean"
) -> float:
    """How near a critic comes to the best one: its gap over its largest slope, over the exact distance; in [0, 1].

    critic: takes points as they are in x (n, ...) and y (m, ...), returns a score each, (n,) or (n, 1). Its gap is
    the mean score of x less that of y, its slope the largest between any two of all points.
    It is 1 for ``solve(x, y).critic()``.
    Raises InputError if x and y are at distance 0, ShapeError or DataError for scores of another number or not finite.
    Source: Kantorovich & Rubinstein 1958, as the lecture uses it for Wasserstein GANs.
    """
    if not isinstance(metric, str) and not callable(metric):
        raise InputError("a critic is a function of points; a metric given as a matrix has none.")
    exact = solve(x, y, metric=metric).cost
    return quality(critic, np.asarray(x), np.asarray(y), exact, partial(_between, metric=metric))


def distance_matrix(x: Floats, y: Floats, metric: Metric = "euclidean") -> Floats:
    """The distances (n, m) of two clouds. Raises InputError if they would not fit into memory."""
    if not isinstance(metric, str) and not callable(metric):
        return _given(metric, x, y)
    require_room(len(x), len(y))
    return _between(x, y, metric)


def _with_points(plan: Plan, x: Floats, y: Floats, metric: Any, p: float) -> Plan:
    dual = Critic(y, plan.potentials.lambda_, partial(_between, metric=metric))
    return replace(plan, power=p, dual=dual, points=(x, y), metric=metric if isinstance(metric, str) else None)


def _both(x: ArrayLike | None, y: ArrayLike | None) -> tuple[ArrayLike, ArrayLike]:
    if x is None or y is None:
        raise InputError("x and y are both needed, unless metric is the matrix of their distances.")
    return x, y


def _check_name(metric: Any) -> None:
    if metric not in NAMED:
        raise InputError(f"metric must be {', '.join(NAMED)}, a function or a matrix; got {metric!r}.")


def _between(x: Floats, y: Floats, metric: Any) -> Floats:
    """The distances (n, m) by a named metric or a function."""
    if not isinstance(metric, str):
        return _checked(metric(x, y), (len(x), len(y)), "the metric's distances")
    _check_name(metric)
    return distances(x, y) if metric == "euclidean" else np.asarray(cdist(x, y, cast(Any, metric)), np.float64)


def _given(metric: Any, x: ArrayLike | None, y: ArrayLike | None) -> Floats:
    matrix = np.asarray(metric)
    n, m = (None if side is None else len(np.asarray(side)) for side in (x, y))
    shape = (matrix.shape[0] if n is None else n, matrix.shape[1] if m is None else m) if matrix.ndim == 2 else (0, 0)
    return _checked(matrix, shape, "the matrix of distances")


def _checked(values: Any, shape: tuple[int, int], what: str) -> Floats:
    found = numbers(what, values)
    if found.ndim != 2 or (shape != (0, 0) and found.shape != shape):
        needed = describe(shape) if shape != (0, 0) else "(n, m)"
        raise ShapeError(f"{what} must have the shape {needed}; got {describe(found.shape)}.")
    if found.min() < 0:
        row, column = (int(i) for i in np.argwhere(found < 0)[0])
        raise DataError(f"{what} holds {found[row, column]:g} in row {row}, column {column}; it cannot be negative.")
    return np.array(found, np.float64, order="C")  # a copy: it is worked in


def _on_a_line(x: Floats, y: Floats, a: Floats, b: Floats, p: float) -> Plan:
    coupling, gamma, lambda_ = on_a_line(x, y, a, b, p)
    start = np.repeat(np.arange(len(a)), np.diff(coupling.indptr))
    cost = float(coupling.data @ np.abs(x[start] - y[coupling.indices]) ** p)
    largest = max(x.max() - y.min(), y.max() - x.min()) ** p
    return certified(coupling, cost, Potentials(gamma, lambda_), a, b, float(largest), "line")
