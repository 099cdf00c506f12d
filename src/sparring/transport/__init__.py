"""Optimal transport: how far one cloud of points is from another, and which point goes where."""

from sparring.transport.clouds import grey_mass
from sparring.transport.critic import Critic
from sparring.transport.noise import Beside, against_floor, bootstrap
from sparring.transport.plan import Plan, Potentials
from sparring.transport.problem import critic_quality, solve, wasserstein
from sparring.transport.sliced import Estimate, gaussian, sliced

__all__ = [
    "Beside",
    "Critic",
    "Estimate",
    "Plan",
    "Potentials",
    "against_floor",
    "bootstrap",
    "critic_quality",
    "gaussian",
    "grey_mass",
    "sliced",
    "solve",
    "wasserstein",
]
