"""Transport on a line: mass keeps its order, so sorting solves the problem."""

import math

import numpy as np
from scipy.sparse import csr_array

from sparring.transport.clouds import Floats

__all__ = ["on_a_line"]


def on_a_line(x: Floats, y: Floats, a: Floats, b: Floats, p: float) -> tuple[csr_array, Floats, Floats]:
    """The cheapest coupling of the points x (n,) and y (m,) at the cost |x - y|^p, p >= 1, and both potentials.

    The masses are laid side by side in order, and what lies above each other is coupled: n + m - 1 entries at most,
    some of them 0. Along this staircase of pairs gamma_i + lambda_j = c_ij holds, which fixes
    the potentials; for a convex cost they are feasible everywhere. Time n log n, no matrix.
    Source: Peyre & Cuturi 2019, section 2.6 (closed form), 3.5 (north-west corner rule).
    """
    across, down = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    i, j, mass = _staircase(a[across], b[down])
    u, v = x[across], y[down]
    stepped = np.abs(u[i] - v[j]) ** p
    # gamma grows by c(i + 1, j) - c(i, j) where i steps, lambda by c(i, j + 1) - c(i, j) where j does
    rises = np.diff(stepped)
    steps_down = np.diff(i) == 1
    gamma = np.concatenate([[0.0], _running(rises[steps_down])])
    lambda_ = stepped[0] + np.concatenate([[0.0], _running(rises[~steps_down])])
    coupling = csr_array((mass, (across[i], down[j])), shape=(len(a), len(b)))
    return coupling, _unsorted(gamma, across), _unsorted(lambda_, down)


def _staircase(a: Floats, b: Floats) -> tuple[np.ndarray, np.ndarray, Floats]:
    """The pairs (i, j) from (0, 0) to (n - 1, m - 1), each a step in i or in j from the last, and their masses."""
    ends_a, ends_b = _running(a)[:-1], _running(b)[:-1]
    # where the share of a row of x ends before that of y, i steps; where both end at once, i steps first
    ends = np.concatenate([ends_a, ends_b])
    order = np.lexsort((np.repeat([0, 1], [len(ends_a), len(ends_b)]), ends))
    of_a = order < len(ends_a)
    i = np.concatenate([[0], np.cumsum(of_a)])
    j = np.concatenate([[0], np.cumsum(~of_a)])
    bounds = np.concatenate([[0.0], ends[order], [1.0]])
    return i, j, np.maximum(np.diff(bounds), 0.0)


def _running(values: Floats) -> Floats:
    """Running sums in two levels: a million additions one after the other would stray by 1e-11."""
    size = math.isqrt(len(values)) + 1
    padded = np.zeros(size * (len(values) // size + 1))
    padded[: len(values)] = values
    sums = np.cumsum(padded.reshape(-1, size), axis=1)
    sums[1:] += np.cumsum(sums[:-1, -1])[:, None]
    return sums.ravel()[: len(values)]


def _unsorted(values: Floats, order: np.ndarray) -> Floats:
    back = np.empty_like(values)
    back[order] = values
    return back
