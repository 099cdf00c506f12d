"""The network simplex on a short list of pairs, which grows until no other pair is worth using.

A cheapest plan uses n + m - 1 pairs of the n m at most, and prices tell which ones might: those where
c_ij - gamma_i - lambda_j is small. So prices are guessed from a plan between some of the points, the solver
sees each point's cheapest pairs alone, and its own prices then say for every other pair whether it would lower the
cost. Such pairs are added until there are none, or what they could still save is below rounding: the plan is
optimal among all pairs then. Source: the shortlist method, Gottschlich & Schuhmacher 2014; guessed prices from
fewer points, Schmitzer 2016; the solver, Bonneel et al. 2011, in POT.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from sparring.errors import RunError
from sparring.quiet import quiet
from sparring.transport.clouds import Floats

__all__ = ["network_simplex"]

PIVOTS = 10**15  # never reached: the simplex ends by itself, and an early stop is an error
ALL_PAIRS = 250_000  # up to here the solver sees every pair
SHORT = 24  # pairs of each point on the first list
ADDED = 16  # pairs of a point that a round adds at the most; half as many again in each later round
CROWDED = 4  # once a list holds a quarter of all pairs, all are taken
COARSE = 3  # prices are guessed from one point in three
PART = 64  # rows at a time: what is computed from them is no second matrix
SAVED = 1e-12  # of the cost: what other pairs may still save when the search ends
ROUNDED = 1e-10, 1e-13  # of the cost, of the largest one: what rounded prices may promise for ever

Indices = NDArray[np.intp]


def network_simplex(costs: Floats, a: Floats, b: Floats) -> tuple[csr_array, Floats]:
    """The cheapest flow (n, m) and the potentials (n,) of its rows; -inf for a row without mass.

    costs: (n, m), finite, >= 0. a: (n,), b: (m,), of sum one.
    Memory beside the costs: about 4 n m bytes while the lists are short, 35 n m if all pairs must be seen.
    Raises RunError if the solver stops before its end.
    """
    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    matrix = _Matrix(costs, rows, columns)
    i, j, flow, u, _ = _solved(matrix, a[rows], b[columns])
    gamma = np.full(len(a), -np.inf)
    gamma[rows] = u
    return csr_array((flow, (rows[i], columns[j])), shape=costs.shape), gamma


class _Matrix:
    """The costs between the points with mass, in parts of some rows, without a copy of the whole."""

    def __init__(self, costs: Floats, rows: Indices, columns: Indices) -> None:
        self.costs, self.rows, self.columns = costs, rows, columns
        self.shape = len(rows), len(columns)
        self.largest = float(costs.max())
        self._all = self.shape == costs.shape

    def part(self, at: int) -> Floats:
        """PART rows from ``at`` on; to read, not to change."""
        if self._all:
            return self.costs[at : at + PART]
        return self.costs[self.rows[at : at + PART, None], self.columns]

    def at(self, i: Indices, j: Indices) -> Floats:
        """The costs of some pairs."""
        return self.costs[self.rows[i], self.columns[j]]

    def whole(self) -> Floats:
        """All of it: the costs themselves if every point has mass."""
        return self.costs if self._all else self.among(np.arange(self.shape[0]), np.arange(self.shape[1]))

    def among(self, i: Indices, j: Indices) -> Floats:
        """The matrix of some rows and columns."""
        return self.costs[np.ix_(self.rows[i], self.columns[j])]


Solution = tuple[Indices, Indices, Floats, Floats, Floats]  # pairs (i, j), their flow, prices u and v


def _solved(matrix: _Matrix, a: Floats, b: Floats) -> Solution:
    n, m = matrix.shape
    pairs = n * m
    if pairs <= ALL_PAIRS or CROWDED * SHORT * (n + m) > pairs:
        return _of_all(matrix, a, b, None)
    u, v = _guessed(matrix, a, b)
    listed = _first_list(matrix, u, v)
    keys = _united(listed, _some_plan(a, b))
    most, before = ADDED, np.inf
    while CROWDED * len(keys) <= pairs:
        i, j, _, u, v = found = _of_some(matrix, a, b, *np.divmod(keys, m), u, v)
        cost = float(a @ u + b @ v)
        saved, wanted = _priced(matrix, a, u, v, int(most), SAVED * cost)
        stuck = saved > before / 2
        if saved <= (ROUNDED[0] * cost + ROUNDED[1] * matrix.largest if stuck else SAVED * cost):
            return found
        if stuck:  # so many plans are equally cheap that its prices say little
            break
        listed = _united(listed, wanted)
        keys = _united(listed, i * m + j)
        most, before = most * 1.5, saved
    return _of_all(matrix, a, b, (u, v))


def _guessed(matrix: _Matrix, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Prices (n,) and (m,) from a plan between a third of the points, drawn by their mass.

    Whatever they are, the answer is the same; near ones make the way there short.
    """
    rng = np.random.default_rng(0)
    i, j = (_drawn(rng, weights, math.ceil(len(weights) / COARSE)) for weights in (a, b))
    few = _Matrix(matrix.among(i, j), np.arange(len(i)), np.arange(len(j)))
    u = _solved(few, np.full(len(i), 1 / len(i)), np.full(len(j), 1 / len(j)))[3]
    v = np.full(matrix.shape[1], np.inf)
    for at in range(0, len(i), PART):
        part = matrix.among(i[at : at + PART], np.arange(len(v)))
        np.minimum(v, (part - u[at : at + PART, None]).min(axis=0), out=v)
    return np.concatenate([(matrix.part(at) - v).min(axis=1) for at in _starts(matrix)]), v


def _drawn(rng: np.random.Generator, weights: Floats, size: int) -> Indices:
    """``size`` different numbers, each more likely the more it weighs (the Gumbel trick)."""
    return np.sort(np.argpartition(-(np.log(weights) + rng.gumbel(size=len(weights))), size - 1)[:size])


def _first_list(matrix: _Matrix, u: Floats, v: Floats) -> Indices:
    """The keys i m + j of every point's pairs of least reduced cost."""
    n, m = matrix.shape
    keys = [_least(matrix.part(at) - v, SHORT, at, m) for at in _starts(matrix)]
    everyone = np.arange(n)
    for at in range(0, m, PART):
        columns = np.arange(at, min(at + PART, m))
        transposed = _least((matrix.among(everyone, columns) - u[:, None]).T, SHORT, at, n)
        keys.append(transposed % n * m + transposed // n)
    return _united(*keys)


def _least(values: Floats, most: int, at: int, width: int) -> Indices:
    """The keys of the ``most`` least values of every row; the first row has the number ``at``."""
    most = min(most, values.shape[1])
    columns = np.argpartition(values, most - 1, axis=1)[:, :most]
    return ((at + np.arange(len(values)))[:, None] * width + columns).ravel()


def _united(*keys: Indices) -> Indices:
    """Every key once, in order. (NumPy's unique hashes, which takes eight times as long on such keys.)"""
    every = np.sort(np.concatenate(keys))
    return every[np.diff(every, prepend=-1) > 0]


def _some_plan(a: Floats, b: Floats) -> Indices:
    """The keys of the north-west corner rule: a staircase on which the masses can always be carried."""
    ends = np.concatenate([np.cumsum(a)[:-1], np.cumsum(b)[:-1]])
    down = np.argsort(ends, kind="stable") < len(a) - 1
    return np.concatenate([[0], np.cumsum(down * len(b) + ~down)])


def _priced(matrix: _Matrix, a: Floats, u: Floats, v: Floats, most: int, enough: float) -> tuple[float, Indices]:
    """What pairs off the list could save, and the keys of those that save more than ``enough``, ``most`` of a row.

    Lowering every u_i until no pair is underpriced makes the prices feasible, and the dual value falls
    by sum_i a_i (fall of u_i): no plan can be cheaper than the one at hand by more.
    """
    m, falls, wanted = len(v), np.zeros(len(u)), [np.empty(0, np.intp)]
    for at in _starts(matrix):
        reduced = matrix.part(at) - v
        reduced -= u[at : at + PART, None]
        lowest = reduced.min(axis=1)
        falls[at : at + PART] = np.minimum(lowest, 0)
        poor = np.flatnonzero(lowest < -enough)
        if not len(poor):
            continue
        reduced = reduced[poor]
        keys = _least(reduced, most, 0, m)
        row, column = np.divmod(keys[reduced.ravel()[keys] < -enough], m)
        wanted.append((at + poor[row]) * m + column)
    return float(-(a @ falls)), np.concatenate(wanted)


def _starts(matrix: _Matrix) -> range:
    return range(0, matrix.shape[0], PART)


# -- the solver


def _of_some(matrix: _Matrix, a: Floats, b: Floats, i: Indices, j: Indices, u: Floats, v: Floats) -> Solution:
    """The best plan on some pairs. It starts from the prices u and v: they are taken off the costs beforehand."""
    reduced = matrix.at(i, j) - u[i] - v[j]
    scale = _scale(np.abs(reduced).max())
    flow, du, dv = _solver(a, b, coo_array((reduced / scale, (i, j)), shape=matrix.shape))
    return flow.row, flow.col, flow.data, *_centred(u + du * scale, v + dv * scale)


def _of_all(matrix: _Matrix, a: Floats, b: Floats, prices: tuple[Floats, Floats] | None) -> Solution:
    """The best plan on all pairs; from prices, if there are any."""
    costs = matrix.whole()
    scale = _scale(costs.max())
    costs /= scale  # in place: the matrix is most of the memory
    try:
        start = None if prices is None else (prices[0] / scale, prices[1] / scale)
        flow, u, v = _solver(a, b, costs, start)
    finally:
        costs *= scale
    i, j = np.nonzero(flow)
    return i, j, flow[i, j], *_centred(u * scale, v * scale)


def _centred(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """The same prices with a constant moved across, for the digits' sake."""
    return u - u[0], v + u[0]


def _scale(largest: float) -> float:
    """A power of two near it, which changes no digit. (POT returns wrong plans as optimal at distances of 1e12.)"""
    return math.ldexp(1.0, math.frexp(float(largest) or 1.0)[1])


def _solver(a: Floats, b: Floats, costs: Any, start: Any = None) -> tuple[Any, Floats, Floats]:
    """POT's flow, an array or a sparse one as the costs are, and both potentials."""
    import ot  # on its first use: it takes a second, and tries every array library it can find

    with quiet():  # an early stop is raised below
        flow, log = ot.emd(
            a, b, costs,
            numItermax=PIVOTS, log=True, center_dual=False, check_marginals=False, potentials_init=start,
        )  # fmt: skip
    if log["warning"] is not None:
        raise RunError(
            f"the network simplex found no optimal plan between {len(a)} and {len(b)} points "
            f"({log['warning']}); nothing is returned. Fewer points or weights of closer size may help."
        )
    return flow, log["u"], log["v"]
