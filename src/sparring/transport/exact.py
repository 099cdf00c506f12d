"""The exact Wasserstein-1 distance, by the network simplex."""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from sparring.errors import RunError
from sparring.transport.clouds import Floats, distances, masses, pair
from sparring.transport.plan import Plan, Potentials

__all__ = ["cheapest", "solve", "wasserstein"]

PIVOTS = 10**15  # never reached: the simplex ends by itself, and an early stop is an error
GAP_TOLERANCE = 1e-9  # of the cost
ROUNDING = 1e-12  # of the largest cost, and of the mass


def solve(x: ArrayLike, y: ArrayLike, x_weights: ArrayLike | None = None, y_weights: ArrayLike | None = None) -> Plan:
    """The cheapest way to carry the mass at the points x to the points y, at the price of the distance.

    min over couplings P of sum_ij P_ij ||x_i - y_j||_2, with sum_j P_ij = a_i and sum_i P_ij = b_j;
    its dual is max over (gamma, lambda) of a.gamma + b.lambda, with gamma_i + lambda_j <= ||x_i - y_j||_2.

    x: (n, d), y: (m, d); vectors (n,) count as one column, images (n, h, w, ...) as flat rows.
    x_weights: (n,), y_weights: (m,), >= 0, with equal sums; None gives every point the same weight.
    The mass is scaled to one. Memory: about 16 n m bytes; time grows a little faster than n m.
    Returns a Plan, always certified. Raises DataError for values that are not finite and negative
    weights, ShapeError for points of different shapes, InputError for empty clouds and unequal
    masses, RunError if the solver gives no optimal answer.
    Source: Kantorovich 1942; solver: Bonneel et al. 2011, in POT. Unlike POT's own, the potentials
    are feasible everywhere, the costs are scaled before the solver sees them (at distances of 1e12
    it returns wrong plans as optimal), and an answer that is not optimal is an error, not a warning.

    >>> plan = solve([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    >>> plan.cost, plan.certified
    (5.0, True)
    """
    x, y = pair(x, y)
    a, b = masses(x_weights, y_weights, len(x), len(y))
    return cheapest(distances(x, y), a, b)


def wasserstein(
    x: ArrayLike, y: ArrayLike, x_weights: ArrayLike | None = None, y_weights: ArrayLike | None = None
) -> float:
    """The exact Wasserstein-1 distance between two clouds: ``solve(...).cost``, >= 0, in units of the data.

    Between two samples of one law it is not 0: judge it beside the same distance between two real samples.

    >>> wasserstein([[0.0, 0.0]], [[3.0, 4.0]])
    5.0
    """
    return solve(x, y, x_weights, y_weights).cost


def cheapest(costs: Floats, a: Floats, b: Floats) -> Plan:
    """The cheapest plan for any finite costs >= 0, shape (n, m), and weights a (n,) and b (m,), each of sum one."""
    flow, gamma = _simplex(costs, a, b)
    coupling = csr_array(flow)
    start = np.repeat(np.arange(len(a)), np.diff(coupling.indptr))
    cost = float(coupling.data @ costs[start, coupling.indices])
    potentials = _feasible(costs, gamma, a, b)
    gap = cost - float(a @ potentials.gamma + b @ potentials.lambda_)
    strayed = max(_largest(flow.sum(axis=1) - a), _largest(flow.sum(axis=0) - b))
    certified = abs(gap) <= GAP_TOLERANCE * cost + ROUNDING * float(costs.max()) and strayed <= ROUNDING
    if not certified:
        raise RunError(
            f"the network simplex left a gap of {gap:.3g} at the cost {cost:.6g} and missed the weights by "
            f"{strayed:.3g} on {len(a)} x {len(b)} points; an exact answer is needed. Do the weights or costs "
            "span more than fifteen digits?"
        )
    return Plan(cost, coupling, potentials, gap, certified)


def _simplex(costs: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The optimal flow (n, m), and the potentials (n,) of its rows; -inf for a row without mass."""
    import ot  # on its first use: it takes a second, and tries every array library it can find

    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    scale = float(costs.max()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an early stop is raised below
        flow, log = ot.emd(
            a[rows], b[columns], costs[np.ix_(rows, columns)] / scale,
            numItermax=PIVOTS, log=True, center_dual=False, check_marginals=False,
        )  # fmt: skip
    if log["warning"] is not None:
        raise RunError(
            f"the network simplex found no optimal plan between {len(a)} and {len(b)} points "
            f"({log['warning']}); nothing is returned. Fewer points or weights of closer size may help."
        )
    gamma = np.full(len(a), -np.inf)
    gamma[rows] = log["u"] * scale
    if flow.shape == costs.shape:
        return flow, gamma
    whole = np.zeros(costs.shape)
    whole[np.ix_(rows, columns)] = flow
    return whole, gamma


def _feasible(costs: Floats, gamma: Floats, a: Floats, b: Floats) -> Potentials:
    """Both potentials from those of the rows with mass: two c-transforms, then half the value to each side.

    A c-transform never lowers the dual value, and its result is feasible at every pair.
    """
    lambda_ = (costs - gamma[:, None]).min(axis=0)
    gamma = (costs - lambda_).min(axis=1)
    shift = (a @ gamma - b @ lambda_) / 2
    return Potentials(gamma - shift, lambda_ + shift)


def _largest(values: Floats) -> float:
    return float(np.abs(values).max())
