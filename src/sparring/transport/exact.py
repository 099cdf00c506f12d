"""From a matrix of costs to the cheapest plan, with its proof."""

from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from sparring.errors import RunError
from sparring.transport.assignment import best_assignment
from sparring.transport.clouds import Floats
from sparring.transport.plan import Plan, Potentials
from sparring.transport.program import linear_program
from sparring.transport.simplex import network_simplex

__all__ = ["Method", "certified", "cheapest"]

Method = Literal["simplex", "assignment", "program"]

GAP_TOLERANCE = 1e-9  # of the cost
ROUNDING = 1e-12  # of the largest cost, and of the mass
PART = 64  # rows


def cheapest(costs: Floats, a: Floats, b: Floats, method: Method = "simplex") -> Plan:
    """The cheapest plan for any finite costs >= 0, shape (n, m), and weights a (n,) and b (m,), each of sum one.

    Raises RunError unless the plan is proven optimal; InputError where the method does not apply.
    """
    if method == "simplex":
        flow, gamma = network_simplex(costs, a, b)
    elif method == "assignment":
        flow, gamma = best_assignment(costs, a, b)
    else:
        flow, gamma = linear_program(costs, a, b)
    coupling = csr_array(flow)
    start = np.repeat(np.arange(len(a)), np.diff(coupling.indptr))
    cost = float(coupling.data @ costs[start, coupling.indices])
    return certified(coupling, cost, _feasible(costs, gamma), a, b, float(costs.max()), method)


def certified(
    coupling: csr_array, cost: float, potentials: Potentials, a: Floats, b: Floats, largest: float, method: str
) -> Plan:
    """The plan, if feasible potentials prove it optimal and it meets the weights. largest: of the costs.

    The potentials are shifted so that both sides carry half of the dual value. Raises RunError otherwise.
    """
    shift = (a @ potentials.gamma - b @ potentials.lambda_) / 2
    potentials = Potentials(potentials.gamma - shift, potentials.lambda_ + shift)
    gap = cost - float(a @ potentials.gamma + b @ potentials.lambda_)
    strayed = max(_largest(coupling.sum(axis=1) - a), _largest(coupling.sum(axis=0) - b))
    if not (abs(gap) <= GAP_TOLERANCE * cost + ROUNDING * largest and strayed <= ROUNDING):
        raise RunError(
            f"the method {method!r} left a gap of {gap:.3g} at the cost {cost:.6g} and missed the weights by "
            f"{strayed:.3g} on {len(a)} x {len(b)} points; an exact answer is needed. Do the weights or costs "
            "span more than fifteen digits?"
        )
    return Plan(cost, coupling, potentials, gap, True)


def _feasible(costs: Floats, gamma: Floats) -> Potentials:
    """Both potentials, feasible at every pair, from those of the rows with mass; -inf stands for no mass.

    The c-transform lambda_j = min_i c_ij - gamma_i never lowers the dual value; rows without mass get
    theirs from it in the same way.
    """
    lambda_ = np.full(costs.shape[1], np.inf)
    for part in _parts(len(gamma)):
        np.minimum(lambda_, (costs[part] - gamma[part, None]).min(axis=0), out=lambda_)
    empty = np.flatnonzero(np.isneginf(gamma))
    for part in _parts(len(empty)):
        gamma[empty[part]] = (costs[empty[part]] - lambda_).min(axis=1)
    return Potentials(gamma, lambda_)


def _parts(n: int) -> list[slice]:
    """Rows in parts: what is computed from one is no second matrix."""
    return [slice(at, at + PART) for at in range(0, n, PART)]


def _largest(values: Floats) -> float:
    return float(np.abs(values).max())
