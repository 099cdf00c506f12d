"""Second moments of rows: shares, averages, and how every two columns go together."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Moments"]

RAREST = 1e-4  # mean square of a feature, below which it weighs no more
PART = 8_192  # rows at once


@dataclass(frozen=True)
class Moments:
    """M = E[f f^T] of the real rows' features f, to which generated ones are held.

    Of one-hot parts M has the share of every place on its diagonal, and beside it the shares of every two places
    together, so all contingency tables of two columns.
    features: rows (n, ...) to (n, d). target: M, (d, d), of scaled features. scale: (d,), M_ii^(-1/4) of the
    unscaled ones, so that rare places weigh as much as common ones: each entry is measured in sqrt(M_ii M_jj).
    Source: the covariance matching of Mroueh et al. 2017 (McGAN), eq. 10; different from it: fixed features, and the
    Frobenius norm.
    """

    features: Callable[[Tensor], Tensor]
    target: Tensor
    scale: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, rows: Callable[[slice], Tensor], count: int, features: Callable[[Tensor], Tensor]) -> "Moments":
        """Of all real rows. rows: some of ``count`` rows, as they are asked for."""
        total: Tensor | None = None
        for start in range(0, count, PART):
            f = features(rows(slice(start, min(start + PART, count))))
            total = f.T @ f if total is None else total + f.T @ f
        assert total is not None
        moments = total / count
        scale = moments.diagonal().clamp(min=RAREST) ** -0.25
        return cls(features, scale[:, None] * moments * scale, scale)

    def gap(self, rows: Tensor) -> Tensor:
        """The squared distance of the generator's M from the real one: a scalar, of mean zero where they are equal.

        sum_ij (A - M)_ij (B - M)_ij with A, B from either half of the rows: their chance errors are independent, so
        its mean is the squared distance itself. It may therefore be negative. rows: (n, ...), n >= 2.
        """
        one, other = (self.features(rows) * self.scale).chunk(2)
        return ((one.T @ one / len(one) - self.target) * (other.T @ other / len(other) - self.target)).sum()
