"""What two translators minimise together, beside their adversarial games: distances between a sample and its return.

G translates A to B, and F translates B to A. Source: Zhu et al. 2017 (CycleGAN), eq. 2 and section 5.2; the lecture.
"""

from torch import Tensor
from torch.nn.functional import l1_loss

from sparring.precision import in_full

__all__ = ["cells_apart", "cycle_consistency", "identity"]


def cycle_consistency(returned: Tensor, x: Tensor) -> Tensor:
    """E |F(G(x)) - x|, the mean over samples and numbers, a scalar.

    The paper writes the L1 norm, which is the sum over a sample's numbers; its code, like this one, takes the mean.
    """
    return l1_loss(returned, x)


def identity(kept: Tensor, y: Tensor) -> Tensor:
    """E |G(y) - y|, the mean over samples and numbers, a scalar: G leaves alone what is of the other side already."""
    return l1_loss(kept, y)


@in_full
def cells_apart(made: Tensor, x: Tensor, ranks: tuple[Tensor, Tensor], weights: Tensor, cells: int) -> Tensor:
    """How far rows of a table of any columns are from others: the mean over samples and cells, a scalar.

    1/c (sum_k w_k |made_k - x_k| + sum_j |r_j(made) - r_j(x)|) over places k and numbers j: a label that differs
    counts 1 if both its places weigh 1/2, a number the difference of its ranks. Its gradient is that of Choices where
    a label is wrong, and 0 where it is right, as that of |F(G(x)) - x| is 0 at what is equal. Cross-entropy pulls at
    right labels too, towards surer ones, and so G into telling F more than rows of B do (see benchmarks/RESULTS.md).
    made, x: (n, places and more), one-hot. ranks: of both, (n, j). weights: w, (places,). cells: c, parts of a row.
    """
    chosen = (made[:, : len(weights)] - x[:, : len(weights)]).abs() @ weights
    return (chosen + (ranks[0] - ranks[1]).abs().sum(1)).mean() / cells
