"""Which rows to train on, and which to hold out."""

import numbers
from typing import Any

import numpy as np

from sparring.data.order import Shuffled
from sparring.errors import InputError

__all__ = ["split_rows", "split_shuffled", "taken"]

FEWEST = 12  # rows from which the judge can say something
ENOUGH = 200  # rows from which a tenth may be held out without being asked for


def split_rows(n: int, fraction: float | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to train on, and to hold out; each in the data's order.

    fraction: held out, at least 0 and below 1; None: a tenth of 200 rows or more, else none.
    Raises InputError for another fraction, or if either part would be too small for a verdict.
    """
    count = _held_out(n, fraction)
    mixed = np.random.default_rng(seed).permutation(n)
    return np.sort(mixed[count:]), np.sort(mixed[:count])


def split_shuffled(n: int, fraction: float | None, seed: int) -> tuple[Shuffled, Shuffled]:
    """The same of so many rows that their numbers are not listed; each in an order of chance."""
    count, mixed = _held_out(n, fraction), Shuffled(n, seed)
    return mixed.part(count, n), mixed.part(0, count)


def _held_out(n: int, fraction: float | None) -> int:
    """How many rows are held out."""
    if fraction is None:
        fraction = 0.1 if n >= ENOUGH else 0.0
    if not isinstance(fraction, numbers.Real) or not 0 <= fraction < 1:
        raise InputError(f"validation_fraction must be at least 0 and below 1, or None; got {fraction!r}")
    count = round(n * fraction)
    if fraction and min(count, n - count) < FEWEST:
        raise InputError(
            f"validation_fraction={fraction} of {n} rows holds out {count} and trains on {n - count}; "
            f"a verdict needs at least {FEWEST} of both"
        )
    return count


def taken(values: Any, rows: np.ndarray) -> Any:
    """Some rows of an array or DataFrame."""
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]
