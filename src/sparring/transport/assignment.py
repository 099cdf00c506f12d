"""Transport between as many points as points, all of one weight: a best assignment."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from sparring.errors import InputError
from sparring.transport.clouds import Floats

__all__ = ["best_assignment"]

PART = 64  # rows at a time: what is computed from them is no second matrix


def best_assignment(costs: Floats, a: Floats, b: Floats) -> tuple[csr_array, Floats]:
    """The flow (n, n), one partner for every point, and the potentials (n,) of its rows.

    By Birkhoff's theorem some permutation is a cheapest plan of equal weights. The solver gives no potentials: they
    are the lengths of shortest paths, where row k reaches row i at c(i, s(k)) - c(k, s(k)), s(k) being k's
    partner; for the best permutation no circle of these is negative.
    Raises InputError for unequal numbers or weights. Source: Jonker & Volgenant 1987, in scipy.
    """
    n, m = costs.shape
    if n != m or np.ptp(a) or np.ptp(b):
        raise InputError("method 'assignment' needs as many points in x as in y, all of equal weight; use 'simplex'.")
    _, partners = linear_sum_assignment(costs)
    own = costs[np.arange(n), partners]
    gamma = np.zeros(n)
    for _ in range(n + 1):
        shorter = gamma.copy()
        for at in range(0, n, PART):
            reached = costs[at : at + PART, partners] + (gamma - own)
            np.minimum(shorter[at : at + PART], reached.min(axis=1), out=shorter[at : at + PART])
        if np.array_equal(shorter, gamma):
            break
        gamma = shorter
    return csr_array((a, (np.arange(n), partners)), shape=costs.shape), gamma
