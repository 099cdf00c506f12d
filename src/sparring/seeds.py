"""Seeds: what users pass as random_state, and seeds of their own for every part of a run. No torch."""

import hashlib
import secrets
from typing import Any

import numpy as np

from sparring.errors import InputError

__all__ = ["derive", "seed_from"]


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
