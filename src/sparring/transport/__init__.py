"""Optimal transport: how far one cloud of points is from another, and which point goes where."""

from sparring.transport.critic import Critic
from sparring.transport.plan import Plan, Potentials
from sparring.transport.problem import critic_quality, solve, wasserstein
from sparring.transport.sliced import Estimate, gaussian, sliced

__all__ = ["Critic", "Estimate", "Plan", "Potentials", "critic_quality", "gaussian", "sliced", "solve", "wasserstein"]
