"""The Fréchet distance between two clouds of features, each taken for a Gaussian."""

import numpy as np
from numpy.typing import ArrayLike

from sparring.errors import InputError
from sparring.transport.clouds import Floats, cloud

__all__ = ["frechet_distance"]


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """||m - n||^2 + tr(A + B - 2 (A B)^(1/2)) of the means m, n and covariances A, B of two clouds.

    It is the squared Wasserstein-2 distance between two Gaussians. x: (n, d), y: (m, d), in the same features.
    Between samples it is never 0: state what two real samples of the same sizes score, for it falls with their size.
    The trace of the root is the sum of the singular values of A^(1/2) B^(1/2), which needs no root of a matrix
    that is not symmetric. Raises InputError unless both have two points and as many columns.
    Source: Dowson & Landau 1982, eq. 16; Heusel et al. 2017 for its use on features.
    """
    a, b = cloud("x", x), cloud("y", y)
    if a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InputError(f"two clouds of two points or more, of as many columns, are needed; got {a.shape}, {b.shape}")
    gap = a.mean(0) - b.mean(0)
    first, second = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    shared = np.linalg.svd(_root(first) @ _root(second), compute_uv=False).sum()
    return max(float(gap @ gap + np.trace(first) + np.trace(second) - 2 * shared), 0.0)


def _root(matrix: Floats) -> Floats:
    """The symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
