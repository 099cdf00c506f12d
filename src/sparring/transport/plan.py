"""The answer to a transport problem, as a value."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from sparring.errors import InputError
from sparring.transport.clouds import Floats
from sparring.transport.critic import Critic

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
    power: of the distance in the cost. dual, points, metric: the critic it gives, the points x (n, d) and y (m, d),
    and the metric's name; None where no points were given, and no name for a function.
    """

    cost: float
    coupling: csr_array = field(repr=False)
    potentials: Potentials = field(repr=False)
    gap: float
    certified: bool
    power: float = field(default=1.0, repr=False)
    dual: Critic | None = field(default=None, repr=False)
    points: tuple[Floats, Floats] | None = field(default=None, repr=False)
    metric: str | None = field(default=None, repr=False)

    def critic(self) -> Critic:
        """The 1-Lipschitz function, defined at every point, whose mean over x less its mean over y is the distance.

        Raises InputError for another power than 1, and for a problem that was given as a matrix of distances.
        """
        if self.power != 1:
            raise InputError(
                f"only the distance itself (p=1) has a 1-Lipschitz critic; the plan is for p={self.power:g}."
            )
        if self.dual is None:
            raise InputError("a critic needs points to be a function of; the plan was made from a matrix of distances.")
        return self.dual

    def gradient(self) -> Floats:
        """How the cost changes with every point of x, (n, d): where the points should go to come nearer to y.

        d cost / d x_i = sum_j coupling[i, j] p |x_i - y_j|^(p - 2) (x_i - y_j), the Euclidean distance's. The coupling
        does not move to first order (the envelope theorem). Where points meet and p = 1, or where
        several plans are cheapest, there is no gradient, but this is still one of the subgradients in each pair.
        Raises InputError for another metric, and for a problem that was given as a matrix.
        """
        if self.points is None or self.metric != "euclidean":
            raise InputError("a gradient needs points, and the metric 'euclidean'.")
        x, y = self.points
        pairs = self.coupling.tocoo()
        apart = x[pairs.row] - y[pairs.col]
        lengths = np.linalg.norm(apart, axis=1)
        pull = pairs.data * self.power * np.where(lengths > 0, lengths, 1.0) ** (self.power - 2)
        found = np.zeros_like(x)
        np.add.at(found, pairs.row, pull[:, None] * apart)
        return found
