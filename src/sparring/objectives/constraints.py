"""What keeps a critic's slope bounded by changing its weights, after an update.

The other ways are a penalty on the slope (``objectives.penalties``) and layers that divide their
weights by their spectral norm (``networks.spectrally_normalised``).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sparring.errors import InputError

__all__ = ["clip_weights"]


@torch.no_grad()
def clip_weights(weights: Sequence[Tensor], bound: float) -> None:
    """Bring every weight into [-bound, bound], in place.

    A network whose weights are all bounded has a bounded slope, though an unknown one: only the set of
    critics is compact, as the dual of the Wasserstein distance needs, up to a factor.
    Source: Arjovsky et al. 2017, Algorithm 1, line 7 (bound 0.01). Raises InputError unless bound > 0.
    """
    if not bound > 0:
        raise InputError(f"the bound of clipped weights must be above 0; got {bound!r}")
    torch._foreach_clamp_min_(list(weights), -bound)
    torch._foreach_clamp_max_(list(weights), bound)
