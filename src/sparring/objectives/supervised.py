"""The lecture's two errors over vector outputs, averaged over the samples of a batch; and what keeps weights small."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["binary_cross_entropy", "cross_entropy", "mean_squared_error", "soft_threshold", "weight_penalty"]


def mean_squared_error(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """E = mean_i w_i ||f(x_i) - y_i||^2 / p, over samples i and the p outputs.

    outputs, targets: (n, p); a single number each may be (n,) or (n, 1) on either side. weights: of the
    samples, (n,); None: all 1.
    Returns a scalar >= 0.
    The lecture sums over the outputs; we take their mean, as scikit-learn does: a factor of p.
    """
    if outputs.dim() != targets.dim():
        outputs = outputs.reshape(targets.shape)  # broadcasting would compare every row with every other
    if weights is None:
        return nn.functional.mse_loss(outputs, targets)
    return _weighted(nn.functional.mse_loss(outputs, targets, reduction="none"), weights)


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """E = -mean_i w_i log p_i[y_i] with p_i = softmax(logits_i), in nats.

    logits: (n, classes), unbounded. targets: class numbers (n,) as int64, or probabilities
    (n, classes). weights: of the samples, (n,); None: all 1. Returns a scalar >= 0. The softmax is
    inside, and so are its numerics.
    """
    if weights is None:
        return nn.functional.cross_entropy(logits, targets)
    return _weighted(nn.functional.cross_entropy(logits, targets, reduction="none"), weights)


def binary_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """E = -mean_i w_i sum_k [y_ik log p_ik + (1 - y_ik) log(1 - p_ik)] with p = 1 / (1 + e^-logit), in nats.

    The error of several labels at once, each there or not; their errors add up.
    logits, targets: (n, labels), targets 0 or 1. weights: of the samples, (n,). Returns a scalar >= 0.
    """
    each = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return each.mean() if weights is None else (weights * each).mean()


def _weighted(each: Tensor, weights: Tensor) -> Tensor:
    """The mean over the batch of weighted errors; weights of mean 1 over all rows leave its size as it was."""
    return (weights * (each.flatten(1).mean(1) if each.dim() > 1 else each)).mean()


def weight_penalty(weights: Iterable[Tensor], l1: float = 0.0, l2: float = 0.0) -> Tensor | float:
    """l1 sum |w| + l2 / 2 sum w^2 over all entries: LASSO's and Ridge's terms. Biases are not to be given.

    l1, l2: >= 0. Returns a scalar >= 0. Half the square, so that its gradient is l2 w, as in scikit-learn.
    Source: the lecture, "techniques to avoid over-fitting".
    """
    total: Tensor | float = 0.0
    for weight in weights:
        if l1:
            total = total + l1 * weight.abs().sum()
        if l2:
            total = total + l2 / 2 * weight.square().sum()
    return total


@torch.no_grad()
def soft_threshold(weight: Tensor, amount: Tensor | float) -> None:
    """Bring every entry nearer to zero by ``amount``, and to exactly zero if it is no further away; in place.

    w <- sign(w) max(|w| - amount, 0): the proximal step of amount |w|. amount: >= 0, one for all
    entries or one each.
    Source: Parikh & Boyd 2014, section 6.5.2.

    >>> w = torch.tensor([0.5, -0.1, 0.05])
    >>> soft_threshold(w, 0.1); w.abs()
    tensor([0.4000, 0.0000, 0.0000])
    """
    weight.copy_(weight.sign() * (weight.abs() - amount).clamp(min=0))
