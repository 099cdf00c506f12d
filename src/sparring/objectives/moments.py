"""Second moments of rows: shares, averages, and how every two columns go together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparring.precision import in_full

__all__ = ["Moments"]

RAREST = 1e-4  # mean square of a feature, below which it weighs no more
PART = 8_192  # rows at once


@dataclass(frozen=True)
class Moments:
    """M = E[f f^T] of the real rows' features f = [x, x L] s, to which generated ones are held.

    Of one-hot parts M has the share of every place on its diagonal, and beside it the shares of every two places
    together, so all contingency tables of two columns; of ranks, how they go together. L: (places, ranks), as for
    ``networks.Ranks``. s: E[f_i^2]^(-1/4) of the unscaled features, so that rare places weigh as much as common ones:
    each entry is measured in sqrt(M_ii M_jj).
    Features are x E for a matrix E, and are never laid out. inner: E E^T, (width, width). target: E M E^T.
    norm: ||M||^2.
    Source: the covariance matching of Mroueh et al. 2017 (McGAN), eq. 10; different from it: fixed features, and the
    Frobenius norm.
    """

    inner: Tensor
    target: Tensor
    norm: Tensor

    @classmethod
    @in_full
    @torch.no_grad()
    def of(cls, rows: Callable[[slice], Tensor], count: int, levels: Tensor) -> "Moments":
        """Of all real rows. rows: some of ``count`` rows, as they are asked for. levels: L."""
        total: Tensor | None = None
        for start in range(0, count, PART):
            x = rows(slice(start, min(start + PART, count)))
            total = x.T @ x if total is None else total.addmm_(x.T, x)
        assert total is not None
        total /= count
        width, (places, ranks) = len(total), levels.shape
        features = torch.eye(width, width + ranks, dtype=total.dtype, device=total.device)
        features[:places, width:] = levels
        moments = features.T @ total @ features
        scale = moments.diagonal().clamp(min=RAREST) ** -0.25
        features *= scale
        moments = scale[:, None] * moments * scale
        return cls(features @ features.T, features @ moments @ features.T, moments.square().sum())

    def gap(self, rows: Tensor) -> Tensor:
        """The squared distance of the generator's M from the real one: a scalar, of mean zero where they are equal.

        sum_ij (A - M)_ij (B - M)_ij with A, B from either half of the rows: their chance errors are independent, so
        its mean is the squared distance itself. It may therefore be negative. rows: (n, width), n >= 2.
        """
        gap: Tensor = _Gap.apply(rows, self.inner, self.target, self.norm)  # type: ignore[assignment]
        return gap


class _Gap(torch.autograd.Function):
    """<A - M, B - M> = <A, B> - <A, M> - <B, M> + <M, M>, of rows that are mostly zero.

    With halves X, Y of a and b rows: <A, B> = ||X E E^T Y^T||^2 / (a b), and <A, M> = <X E M E^T, X> / a.
    So matrices as wide as the features are met by sparse rows alone.
    """

    @staticmethod
    @in_full
    def forward(ctx: Any, rows: Tensor, inner: Tensor, target: Tensor, norm: Tensor) -> Tensor:
        one, other = rows.chunk(2)
        seen, held = _products(rows, inner, target)
        across = seen[: len(one)] @ other.T
        ctx.save_for_backward(seen, held, across)
        likeness = across.square().sum() / across.numel()
        beside = (held * rows).sum(1)
        return likeness - beside[: len(one)].mean() - beside[len(one) :].mean() + norm

    @staticmethod
    @in_full
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """By X: 2/a (X E B E^T - X E M E^T), where E B E^T = E E^T Y^T Y E E^T / b."""
        (slope,) = slopes
        seen, held, across = ctx.saved_tensors
        a, b = across.shape
        found = torch.empty_like(seen)
        torch.addmm(held[:a], across, seen[a:], beta=-1, alpha=1 / b, out=found[:a]).mul_(2 * slope / a)
        torch.addmm(held[a:], across.T, seen[:a], beta=-1, alpha=1 / a, out=found[a:]).mul_(2 * slope / b)
        return found, None, None, None


def _products(rows: Tensor, *matrices: Tensor) -> list[Tensor]:
    """rows @ each matrix; on a processor by the entries that are not zero alone, few where rows are one-hot."""
    if rows.device.type != "cpu":
        return [rows @ matrix for matrix in matrices]
    entries = torch.from_numpy(np.flatnonzero(rows.numpy() != 0))  # a third of the time of torch's nonzero
    row = entries.div(rows.shape[1], rounding_mode="floor")
    counts = torch.bincount(row, minlength=len(rows))
    gathered = partial(
        nn.functional.embedding_bag,
        entries - row * rows.shape[1],
        offsets=counts.cumsum(0) - counts,
        mode="sum",
        per_sample_weights=rows.flatten()[entries],
    )
    return [gathered(matrix) for matrix in matrices]
