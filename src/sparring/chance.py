"""Random numbers of one training run: from its own generators, and never from torch's global state.

A run draws from two streams, and a checkpoint saves both: a named one, for draws that are asked for (noise, mixing
weights), and an ambient one, for layers that draw without asking, as dropout does. Nothing here reads or changes
torch's global random state, which belongs to the user and to all threads alike: runs side by side in threads get
the bits that each gets alone.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from typing import Any

import torch
from torch import Tensor

from sparring.rerouting import Redirection, redirected_draws
from sparring.seeds import derive

__all__ = ["Chance", "ambient_generator", "ambient_seed", "generator", "symmetric_uniform"]

NOTHING: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
_AMBIENT: ContextVar[Mapping[str, torch.Generator]] = ContextVar("sparring's ambient generators")


def generator(seed: int, *path: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh torch generator, seeded by ``derive(seed, *path)``."""
    return torch.Generator(device=device).manual_seed(derive(seed, *path))


def symmetric_uniform(*shape: int, **where: Any) -> Tensor:
    """Numbers from U[-1, 1), called as torch.randn is."""
    return torch.rand(*shape, **where).mul_(2).sub_(1)


def ambient_generator(device: torch.device) -> torch.Generator | None:
    """The generator that layers draw from in the present block of ``Chance.ambient``; None outside of one.

    For layers and losses that draw: ``x.bernoulli_(p, generator=ambient_generator(x.device))``. None means torch's
    global state, as in torch itself.
    """
    found = _AMBIENT.get(None)
    return None if found is None else found.get(device.type)


class _Ambient:
    """A block in which layers draw from given generators. (A class, for it is entered at every step.)"""

    def __init__(self, generators: Mapping[str, torch.Generator]) -> None:
        self._generators = generators
        self._tokens: list[Token[Mapping[str, torch.Generator]]] = []

    def __enter__(self) -> None:
        self._tokens.append(_AMBIENT.set(self._generators))

    def __exit__(self, *_: object) -> None:
        _AMBIENT.reset(self._tokens.pop())


@contextlib.contextmanager
def ambient_seed(seed: int) -> Iterator[None]:
    """Run a block in which whatever draws, weights at their start above all, draws from a fresh generator.

    The numbers are those that ``torch.manual_seed(seed)`` would give, in this thread alone.
    """
    generators = {"cpu": torch.Generator().manual_seed(seed)}
    with _Ambient(generators), redirected_draws(generators):
        yield


class Chance:
    """All random draws of one training run.

    With several ranks, every rank draws for the joint batch and keeps its own part. So the
    ranks' states stay equal, and two ranks see exactly what one rank would have seen.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu", rank: int = 0, ranks: int = 1) -> None:
        self.seed, self.rank, self.ranks = seed, rank, ranks
        self.device = torch.device(device)
        self.named = generator(seed, "named", device=self.device)
        self._ambient = {
            kind: generator(seed, "ambient", device=self.device if kind != "cpu" else "cpu")
            for kind in dict.fromkeys(("cpu", self.device.type))
        }
        self._block = _Ambient(self._ambient)

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

    def ambient(self) -> contextlib.AbstractContextManager[None]:
        """A block in which our layers' own draws (dropout) come from this run's generators."""
        return self._block

    def redirected(self, redirection: Redirection | None = redirected_draws) -> contextlib.AbstractContextManager[None]:
        """A block in which also what would draw from torch's global state draws from this run's generators.

        redirection: how; None where nothing does, since it costs time.
        """
        return NOTHING if redirection is None else redirection(self._ambient)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"named": self.named.get_state()}
        for kind, stream in self._ambient.items():
            state["ambient" if kind == "cpu" else f"ambient_{kind}"] = stream.get_state()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.named.set_state(state["named"])
        for kind, stream in self._ambient.items():
            saved = state.get("ambient" if kind == "cpu" else f"ambient_{kind}")
            if saved is not None:
                stream.set_state(saved)
