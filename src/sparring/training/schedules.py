"""Pure functions of the step: their value never depends on the steps before."""

import math
from collections.abc import Callable

__all__ = [
    "Schedule",
    "constant_then_cosine",
    "constant_then_linear",
    "geometric",
    "more_at_first",
    "rise_then_cosine",
]

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


def constant_then_linear(value: float, steps: int, hold: float = 0.5) -> Schedule:
    """``value`` for the first share ``hold`` of the steps, then in a straight line down to zero.

    Source: Zhu et al. 2017, section 7.1 (CycleGAN).

    >>> rate = constant_then_linear(1.0, 100)
    >>> rate(0), rate(50), rate(75), rate(100)
    (1.0, 1.0, 0.5, 0.0)
    """
    return lambda step: value * min(max((steps - step) / ((1 - hold) * steps), 0.0), 1.0) if hold < 1 else value


def geometric(first: float, last: float, steps: int) -> Schedule:
    """From ``first`` to ``last`` by equal factors per step.

    >>> geometric(1.0, 0.01, 100)(50)
    0.1
    """
    return lambda step: first * (last / first) ** min(step / steps, 1.0)


def rise_then_cosine(value: float, steps: int, rise: float = 0.15) -> Schedule:
    """In a straight line up to ``value`` over the share ``rise`` of the steps, then half a cosine down to zero.

    Source: Smith & Topin 2018 ("super-convergence"), with a cosine for the way down.

    >>> rate = rise_then_cosine(1.0, 100, rise=0.2)
    >>> round(rate(0), 2), rate(10), rate(20), round(rate(60), 3)
    (0.0, 0.5, 1.0, 0.5)
    """
    down = constant_then_cosine(value, steps, hold=rise)
    return lambda step: value * step / (rise * steps) if step < rise * steps else down(step)


def more_at_first(usual: int, first: int, rounds: int = 25, again: int = 500) -> Callable[[int], int]:
    """Repeats of a critic's turn: ``first`` in the first rounds and in every ``again``-th, else ``usual``.

    Source: the code of Arjovsky et al. 2017 (5, and 100 in the first 25 rounds and every 500th).

    >>> repeats = more_at_first(5, 100)
    >>> repeats(0), repeats(24), repeats(25), repeats(500), repeats(501)
    (100, 100, 5, 100, 5)
    """
    return lambda step: first if step < rounds or step % again == 0 else usual
