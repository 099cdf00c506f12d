"""Whether a matrix of distances fits into memory, asked before it is made."""

from sparring import room
from sparring.errors import InputError

__all__ = ["require_room"]

BYTES = 12  # for a pair: its distance, and what the simplex needs beside it


def require_room(n: int, m: int) -> None:
    """Raises InputError, with what does fit, if the distances of n and m points need more memory than is free."""
    needed, free = BYTES * n * m, room.free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"an exact plan between {n:,} and {m:,} points needs about {needed / 1e9:.3g} GB of memory; "
            f"{free / 1e9:.3g} GB are free. sliced(x, y) (--sliced 200) needs none "
            "of it, and against_floor(x, y, samples=2000) (--samples 2000) measures subsamples, with an interval."
        )
