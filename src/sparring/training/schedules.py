"""Pure functions of the step: their value never depends on the steps before."""

import math
from collections.abc import Callable

__all__ = ["Schedule", "constant_then_cosine", "geometric"]

Schedule = Callable[[int], float]


def constant_then_cosine(value: float, steps: int, hold: float = 0.5, end: float = 0.0) -> Schedule:
    """``value`` for the first share ``hold`` of the steps, then half a cosine down to ``end * value``.

    >>> rate = constant_then_cosine(1.0, 100, hold=0.5)
    >>> rate(0), rate(50), round(rate(75), 3), round(rate(100), 3)
    (1.0, 1.0, 0.5, 0.0)
    """

    def at(step: int) -> float:
        progress = min(max((step / steps - hold) / (1 - hold), 0.0), 1.0) if hold < 1 else 0.0
        return value * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)

    return at


def geometric(first: float, last: float, steps: int) -> Schedule:
    """From ``first`` to ``last`` by equal factors per step.

    >>> geometric(1.0, 0.01, 100)(50)
    0.1
    """
    return lambda step: first * (last / first) ** min(step / steps, 1.0)
