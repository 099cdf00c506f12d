"""What two translators minimise together, beside their adversarial games: distances between a sample and its return.

G translates A to B, and F translates B to A. Source: Zhu et al. 2017 (CycleGAN), eq. 2 and section 5.2; the lecture.
"""

from torch import Tensor
from torch.nn.functional import l1_loss

__all__ = ["cycle_consistency", "identity"]


def cycle_consistency(returned: Tensor, x: Tensor) -> Tensor:
    """E |F(G(x)) - x|, the mean over samples and numbers, a scalar.

    The paper writes the L1 norm, which is the sum over a sample's numbers; its code, like this one, takes the mean.
    """
    return l1_loss(returned, x)


def identity(kept: Tensor, y: Tensor) -> Tensor:
    """E |G(y) - y|, the mean over samples and numbers, a scalar: G leaves alone what is of the other side already."""
    return l1_loss(kept, y)
