"""Optimal transport: how far one cloud of points is from another, and which point goes where."""

from sparring.transport.plan import Plan, Potentials
from sparring.transport.problem import solve, wasserstein

__all__ = ["Plan", "Potentials", "solve", "wasserstein"]
