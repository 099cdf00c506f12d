"""The capture and restoring of every random state of a run.

A run draws from two sources, and a checkpoint saves both: its own generator, for draws
that are asked for by name (noise, mixing weights), and the ambient one, torch's global
state, which layers such as dropout use without asking. The ambient state is swapped in for
the length of a round only, so that the user's global state is left as it was.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from sparring.seeds import derive

__all__ = ["Chance", "ambient_seed", "generator", "symmetric_uniform"]


def generator(seed: int, *path: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh torch generator, seeded by ``derive(seed, *path)``."""
    return torch.Generator(device=device).manual_seed(derive(seed, *path))


def symmetric_uniform(*shape: int, **where: Any) -> Tensor:
    """Numbers from U[-1, 1), called as torch.randn is."""
    return torch.rand(*shape, **where).mul_(2).sub_(1)


@contextlib.contextmanager
def ambient_seed(seed: int) -> Iterator[None]:
    """Run a block with torch's global state seeded, and put the user's state back after it."""
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)


class Chance:
    """All random draws of one training run.

    With several ranks, every rank draws for the joint batch and keeps its own part. So the
    ranks' states stay equal, and two ranks see exactly what one rank would have seen.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu", rank: int = 0, ranks: int = 1) -> None:
        self.seed, self.rank, self.ranks = seed, rank, ranks
        self.device = torch.device(device)
        self.named = generator(seed, "named", device=self.device)
        self._ambient = generator(seed, "ambient").get_state()
        self._ambient_cuda: Tensor | None = None
        if self.device.type == "cuda":
            self._ambient_cuda = generator(seed, "ambient", device=self.device).get_state()

    def normal(self, n: int, *shape: int) -> Tensor:
        """Standard normal numbers of the shape (n, *shape), n on this rank."""
        return self.draw(torch.randn, n, *shape)

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Numbers from U[0, 1) of the shape (n, *shape), n on this rank."""
        return self.draw(torch.rand, n, *shape)

    def draw(self, law: Callable[..., Tensor], n: int, *shape: int) -> Tensor:
        """Numbers of another law, of the shape (n, *shape), n on this rank. law: called as torch.randn is."""
        return self._own_part(law(n * self.ranks, *shape, generator=self.named, device=self.device), n)

    def _own_part(self, joint: Tensor, n: int) -> Tensor:
        return joint if self.ranks == 1 else joint[self.rank * n : (self.rank + 1) * n]

    @contextlib.contextmanager
    def ambient(self) -> Iterator[None]:
        """Let the layers' own draws (dropout) come from this run's state, not the user's."""
        users = torch.get_rng_state()
        torch.set_rng_state(self._ambient)
        users_cuda = self._swap_cuda(self._ambient_cuda)
        try:
            yield
        finally:
            self._ambient = torch.get_rng_state()
            torch.set_rng_state(users)
            self._ambient_cuda = self._swap_cuda(users_cuda)

    def _swap_cuda(self, state: Tensor | None) -> Tensor | None:
        if state is None:
            return None
        before = torch.cuda.get_rng_state(self.device)
        torch.cuda.set_rng_state(state, self.device)
        return before

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"named": self.named.get_state(), "ambient": self._ambient.clone()}
        if self._ambient_cuda is not None:
            state["ambient_cuda"] = self._ambient_cuda.clone()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.named.set_state(state["named"])
        self._ambient = state["ambient"].clone()
        if self._ambient_cuda is not None and "ambient_cuda" in state:
            self._ambient_cuda = state["ambient_cuda"].clone()
