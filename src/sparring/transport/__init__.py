"""Optimal transport: how far one cloud of points is from another, and which point goes where."""

from sparring.transport.exact import solve, wasserstein
from sparring.transport.plan import Plan, Potentials

__all__ = ["Plan", "Potentials", "solve", "wasserstein"]
