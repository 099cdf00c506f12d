"""The lecture's two errors over vector outputs, averaged over the samples of a batch."""

from torch import Tensor, nn

__all__ = ["cross_entropy", "mean_squared_error"]


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """E = mean_i ||f(x_i) - y_i||^2 / p, over samples i and the p outputs.

    outputs, targets: (n, p) or (n,), equal shapes. Returns a scalar >= 0.
    The lecture sums over the outputs; we take their mean, as scikit-learn does: a factor of p.
    """
    return nn.functional.mse_loss(outputs, targets)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """E = -mean_i log p_i[y_i] with p_i = softmax(logits_i), in nats.

    logits: (n, classes), unbounded. targets: class numbers (n,) as int64, or probabilities
    (n, classes). Returns a scalar >= 0. The softmax is inside, and so are its numerics.
    """
    return nn.functional.cross_entropy(logits, targets)
