"""Seeds, and the capture and restoring of every random state of a run.

A run draws from two sources, and a checkpoint saves both: its own generator, for draws
that are asked for by name (noise, mixing weights), and the ambient one, torch's global
state, which layers such as dropout use without asking. The ambient state is swapped in for
the length of a round only, so that the user's global state is left as it was.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparring.errors import InputError

__all__ = ["Chance", "ambient_seed", "derive", "generator", "seed_from"]


def seed_from(random_state: Any) -> int:
    """A seed from None (fresh entropy), an integer >= 0, or a NumPy random state."""
    if random_state is None:
        return secrets.randbits(62)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**62))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    raise InputError(f"random_state must be None, a whole number >= 0 or a NumPy random state; got {random_state!r}")


def derive(seed: int, *path: str | int) -> int:
    """A seed of its own for each path: a hash, so that neighbouring seeds share nothing."""
    text = ":".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *path: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh torch generator, seeded by ``derive(seed, *path)``."""
    return torch.Generator(device=device).manual_seed(derive(seed, *path))


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
        return self._own_part(torch.randn(n * self.ranks, *shape, generator=self.named, device=self.device), n)

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Numbers from U[0, 1) of the shape (n, *shape), n on this rank."""
        return self._own_part(torch.rand(n * self.ranks, *shape, generator=self.named, device=self.device), n)

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
