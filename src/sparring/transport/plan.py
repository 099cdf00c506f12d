"""The answer to a transport problem, as a value."""

from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.sparse import csr_array

from sparring.transport.clouds import Floats

__all__ = ["Plan", "Potentials"]


class Potentials(NamedTuple):
    """The dual solution: prices with gamma[i] + lambda_[j] <= cost[i, j], up to rounding.

    gamma: (n,), one price for each point of x. lambda_: (m,), one for each point of y.
    A constant may be moved from one side to the other; here both sides carry half of the
    dual value: sum_i a_i gamma_i = sum_j b_j lambda_j.
    """

    gamma: Floats
    lambda_: Floats


@dataclass(frozen=True, eq=False)
class Plan:
    """A transport plan, its cost and the proof that no plan is cheaper.

    cost: sum_ij coupling[i, j] c(x_i, y_j), the mass being one in all; in the units of the data.
    coupling: (n, m), sparse, >= 0; rows sum to the weights of x, columns to those of y.
    potentials: the dual solution; its value is a lower bound of every plan's cost.
    gap: cost minus that lower bound; 0 up to rounding at the optimum.
    certified: the gap and the marginals are 0 up to rounding, so the plan is an optimal one.
    """

    cost: float
    coupling: csr_array = field(repr=False)
    potentials: Potentials = field(repr=False)
    gap: float
    certified: bool
