"""The noise floor: how a figure for samples compares with the same figure for real training data.

A figure is never 0 or 1 even between two real samples of one law; what counts is its ratio to the
floor, and how far chance alone moves that ratio. All intervals here are 95 % intervals of a ratio.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sparring.transport.clouds import Floats
from sparring.transport.ratios import REPLICATES, Interval, tails

__all__ = ["beside_splits", "class_intervals", "half_interval", "share_interval"]

LEAST = 0.05  # of a floor: what chance may make of it, so that an interval has an end


def share_interval(hits: int, n: int, floor_hits: int, m: int, rng: np.random.Generator) -> Interval:
    """The interval of (hits / n) / (floor_hits / m), both shares with Jeffreys' prior, Beta(1/2, 1/2)."""
    if floor_hits == 0:
        return None
    tops = rng.beta(hits + 0.5, n - hits + 0.5, REPLICATES)
    return tails(tops, rng.beta(floor_hits + 0.5, m - floor_hits + 0.5, REPLICATES))


def half_interval(value: float, halves: Floats, floor: float) -> Interval:
    """The interval of value / floor, from the spread of the same value on random halves of the data."""
    if len(halves) < 2:
        return None
    margin = float(stats.t.ppf(0.975, len(halves) - 1) * np.std(halves, ddof=1))
    return max(value - margin, 0.0) / floor, (value + margin) / floor


def class_intervals(
    value: tuple[float, float], labels: NDArray[np.intp], n: int, rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[Interval, Interval]]:
    """The floors of the smallest and the largest class share among n samples, and the ratios' intervals.

    The floor is the mean over samples of n labels drawn with the training shares; value / floor is
    chance alone where the interval holds 1: from value / (97.5 % of them) to value / (2.5 % of them).

    labels: (rows,), the class of each training row as 0, 1, ...
    """
    shares = rng.multinomial(n, np.bincount(labels) / len(labels), size=REPLICATES) / n
    extremes = shares.min(axis=1), shares.max(axis=1)
    intervals = [tails(np.full(REPLICATES, v), drawn) for v, drawn in zip(value, extremes, strict=True)]
    return (float(extremes[0].mean()), float(extremes[1].mean())), (intervals[0], intervals[1])


def beside_splits(values: Floats, floors: Floats, splits: Floats, shared: float) -> tuple[float, float, Interval]:
    """A mean over draws, its floor, and the ratio's interval, where one set of rows can be near another by luck.

    The shares of a label differ by |z| between two samples, which may be next to nothing; and all draws share the luck
    of the held-out rows. So the floor is no less than what random splits of real rows are apart on average, and value /
    floor is chance alone where the interval holds 1: from value / (97.5 % of the splits) to value / (2.5 % of them),
    those moved to the floor, and drawn together as far as a mean over draws is.

    values, floors: (draws,). splits: (s,), of as many rows as a draw. shared: the share of rows that draws have in
    common.
    """
    value, usual = float(values.mean()), float(splits.mean())
    floor = max(float(floors.mean()), usual)
    if floor == 0:
        return value, floor, None
    together = np.sqrt(shared + (1 - shared) / len(values))
    least, most = np.percentile(np.maximum(floor + together * (splits - usual), LEAST * floor), (2.5, 97.5))
    return value, floor, (value / float(most), value / float(least))
