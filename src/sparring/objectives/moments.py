"""Second moments of rows: shares, averages, and how every two columns go together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Moments"]

RAREST = 1e-4  # mean square of a feature, below which it weighs no more
PART = 8_192  # rows at once


@dataclass(frozen=True)
class Moments:
    """M = E[f f^T] of the real rows' features f = [x, x L] s, to which generated ones are held.

    Of one-hot parts M has the share of every place on its diagonal, and beside it the shares of every two places
    together, so all contingency tables of two columns; of ranks, how they go together.
    levels: L, (places, ranks), as for ``networks.Ranks``. target: M, (d, d). scale: s, (d,), E[f_i^2]^(-1/4) of the
    unscaled features, so that rare places weigh as much as common ones: each entry is measured in sqrt(M_ii M_jj).
    Source: the covariance matching of Mroueh et al. 2017 (McGAN), eq. 10; different from it: fixed features, and the
    Frobenius norm.
    """

    levels: Tensor
    target: Tensor
    scale: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, rows: Callable[[slice], Tensor], count: int, levels: Tensor) -> "Moments":
        """Of all real rows. rows: some of ``count`` rows, as they are asked for."""
        total: Tensor | None = None
        for start in range(0, count, PART):
            f = _features(rows(slice(start, min(start + PART, count))), levels)
            total = f.T @ f if total is None else total + f.T @ f
        assert total is not None
        moments = total / count
        scale = moments.diagonal().clamp(min=RAREST) ** -0.25
        return cls(levels, scale[:, None] * moments * scale, scale)

    def gap(self, rows: Tensor) -> Tensor:
        """The squared distance of the generator's M from the real one: a scalar, of mean zero where they are equal.

        sum_ij (A - M)_ij (B - M)_ij with A, B from either half of the rows: their chance errors are independent, so
        its mean is the squared distance itself. It may therefore be negative. rows: (n, width), n >= 2.
        """
        gap: Tensor = _Gap.apply(rows, self.levels, self.scale, self.target)  # type: ignore[assignment]
        return gap


def _features(rows: Tensor, levels: Tensor, scale: Tensor | None = None) -> Tensor:
    """[x, x L] s, laid out once."""
    width = rows.shape[1]
    made = rows.new_empty(len(rows), width + levels.shape[1])
    torch.mul(rows, 1.0 if scale is None else scale[:width], out=made[:, :width])
    made[:, width:] = rows[:, : len(levels)] @ (levels if scale is None else levels * scale[width:])
    return made


class _Gap(torch.autograd.Function):
    """<A - M, B - M>; by f of the first half of the rows it changes by 2/n f (B - M), since B and M are symmetric.

    Half of the products that automatic differentiation would take, which does not know of the symmetry.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, levels: Tensor, scale: Tensor, target: Tensor) -> Tensor:
        features = _features(rows, levels, scale)
        one, other = features.chunk(2)
        a = torch.addmm(target, one.T, one, beta=-1, alpha=1 / len(one))
        b = torch.addmm(target, other.T, other, beta=-1, alpha=1 / len(other))
        ctx.save_for_backward(features, a, b, levels, scale)
        return (a * b).sum()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = slopes
        features, a, b, levels, scale = ctx.saved_tensors
        one, other = features.chunk(2)
        found = torch.empty_like(features)
        torch.mm(one, b * (2 * slope / len(one)), out=found[: len(one)])
        torch.mm(other, a * (2 * slope / len(other)), out=found[len(one) :])
        width = len(scale) - levels.shape[1]
        made = found[:, :width] * scale[:width]
        made[:, : len(levels)].addmm_(found[:, width:], (levels * scale[width:]).T)
        return made, None, None, None
