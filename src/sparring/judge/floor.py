"""The noise floor: how a figure for samples compares with the same figure for real training data.

A figure is never 0 or 1 even between two real samples of one law; what counts is its ratio to the
floor, and how far chance alone moves that ratio. All intervals here are 95 % intervals of a ratio.
"""

import numpy as np
from numpy.typing import NDArray

from sparring.transport.clouds import Floats

__all__ = ["Interval", "class_intervals", "draws_interval", "half_interval", "share_interval"]

Interval = tuple[float, float] | None  # None where the floor is 0, so that there is no ratio

REPLICATES = 4000
TAILS = (2.5, 97.5)
SPREAD_KNOWN = 0.8  # draws that share more of their rows say too little about their own noise


def draws_interval(
    fake: Floats, floor: Floats, fake_overlap: float, floor_overlap: float, rng: np.random.Generator
) -> Interval:
    """The interval of mean(fake) / mean(floor) for one value per draw; draw i of both met the same held-out rows.

    Draws are resampled in pairs. Draws of n rows out of N share a part r = n / N of their rows, and
    with it a part r of their variance s^2 / (1 - r), which resampling cannot see: it is added as a
    normal number common to all of a replicate's draws. Where all draws are nearly the same rows
    (r > 0.8), the spread is taken from the floor.

    fake, floor: (draws,). fake_overlap, floor_overlap: r, in [0, 1]; 0 for fresh samples; the floor's <= 0.8.
    """
    floor_spread = _spread(floor, floor_overlap)
    fake_spread = _spread(fake, fake_overlap) if fake_overlap <= SPREAD_KNOWN else floor_spread
    picks = rng.integers(len(fake), size=(REPLICATES, len(fake)))
    tops = fake[picks].mean(axis=1) + np.sqrt(fake_overlap) * fake_spread * rng.normal(size=REPLICATES)
    bottoms = floor[picks].mean(axis=1) + np.sqrt(floor_overlap) * floor_spread * rng.normal(size=REPLICATES)
    return _tails(np.maximum(tops, 0), bottoms)


def _spread(values: Floats, overlap: float) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(1 - overlap)) if len(values) > 1 else 0.0


def share_interval(hits: int, n: int, floor_hits: int, m: int, rng: np.random.Generator) -> Interval:
    """The interval of (hits / n) / (floor_hits / m), both shares with Jeffreys' prior, Beta(1/2, 1/2)."""
    if floor_hits == 0:
        return None
    tops = rng.beta(hits + 0.5, n - hits + 0.5, REPLICATES)
    return _tails(tops, rng.beta(floor_hits + 0.5, m - floor_hits + 0.5, REPLICATES))


def half_interval(value: float, halves: Floats, floor: float) -> Interval:
    """The interval of value / floor, from the spread of the same value on random halves of the data."""
    margin = 1.96 * float(np.std(halves, ddof=1)) if len(halves) > 1 else 0.0
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
    intervals = [_tails(np.full(REPLICATES, v), drawn) for v, drawn in zip(value, extremes, strict=True)]
    return (float(extremes[0].mean()), float(extremes[1].mean())), (intervals[0], intervals[1])


def _tails(tops: Floats, bottoms: Floats) -> Interval:
    """The tails of a ratio's distribution; None where a floor of 0 makes them infinite."""
    if np.percentile(bottoms, TAILS[0]) <= 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.percentile(tops / np.maximum(bottoms, np.finfo(float).tiny), TAILS)
    return float(low), float(high)
