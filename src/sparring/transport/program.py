"""The lecture's linear programme, written out as it stands and given to a general solver."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack

from sparring.errors import InputError, RunError
from sparring.transport.clouds import Floats

__all__ = ["constraints", "linear_program"]

MOST_PAIRS = 250_000


def constraints(n: int, m: int) -> csr_array:
    """The matrix of the programme's equations, (n + m, n m): sums over j for every i, then over i for every j.

    The unknowns pi_ij are counted row by row: pi_11, ..., pi_1m, pi_21, ...

    >>> constraints(2, 2).toarray().astype(int).tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    """
    pairs, ones = np.arange(n * m), np.ones(n * m)
    leaving = coo_array((ones, (pairs // m, pairs)), shape=(n, n * m))
    arriving = coo_array((ones, (pairs % m, pairs)), shape=(m, n * m))
    return csr_array(vstack([leaving, arriving]))


def linear_program(costs: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """min sum_ij c_ij pi_ij with pi >= 0, sum_j pi_ij = a_i, sum_i pi_ij = b_j: the flow, and the rows' dual prices.

    For small problems and for teaching: the network simplex gives the same plans much faster.
    Raises InputError beyond 250,000 pairs, RunError if the solver gives up.
    Source: the lecture; solver: HiGHS, in scipy.
    """
    n, m = costs.shape
    if n * m > MOST_PAIRS:
        raise InputError(f"method 'program' takes up to {MOST_PAIRS:,} pairs; here are {n * m:,}. Use 'simplex'.")
    scale = float(costs.max()) or 1.0
    found = linprog(costs.ravel() / scale, A_eq=constraints(n, m), b_eq=np.concatenate([a, b]), method="highs")
    if found.status != 0:
        raise RunError(f"HiGHS found no optimal plan between {n} and {m} points: {found.message}")
    return found.x.reshape(n, m), found.eqlin.marginals[:n] * scale
