"""torch's Adam with a short way to its kernel."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sparring.errors import InputError

__all__ = ["Adam"]


class Adam(torch.optim.Adam):
    """Adam with torch's fused kernel, and an update that takes its gradients at once.

    ``update`` leaves the weights and the state (of torch's own layout) that ``step`` would leave, to the bit,
    without what torch does around the kernel for hooks, profilers and compilers: for a small network that
    takes longer than all the arithmetic of a step.
    Source: Kingma & Ba 2015; the defaults are theirs.
    Raises InputError for weights of several types or devices.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, fused=True)
        kinds = {(weight.dtype, weight.device) for group in self.param_groups for weight in group["params"]}
        if len(kinds) > 1:
            found = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
            raise InputError(f"the weights must be of one type and on one device; got {found}")

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor]) -> None:
        """Change the weights by their gradients, one each, in the order of the parameters and laid out like them."""
        at = 0
        for group in self.param_groups:
            weights = group["params"]
            states = [self.state[weight] or self._started(weight) for weight in weights]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                weights,
                list(gradients[at : at + len(weights)]),
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=0.0,
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
            at += len(weights)

    def _started(self, weight: Tensor) -> dict[str, Tensor]:
        state = self.state[weight]
        state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        return state
