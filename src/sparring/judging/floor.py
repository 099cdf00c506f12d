"""The noise floor: how a figure for samples compares with the same figure for real training data.

A figure is never 0 or 1 even between two real samples of one law; what counts is its ratio to the
floor, and how far chance alone moves that ratio. All intervals here are 95 % intervals of a ratio.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sparring.transport.clouds import Floats

__all__ = ["Interval", "class_intervals", "draws_interval", "half_interval", "share_interval"]

Interval = tuple[float, float] | None  # None where the floor is 0 or a single draw shows no spread

REPLICATES = 4000
TAILS = (2.5, 97.5)
SPREAD_KNOWN = 0.8  # draws that share more of their rows say too little about their own noise


def draws_interval(
    fake: Floats, floor: Floats, fake_overlap: float, floor_overlap: float, rng: np.random.Generator
) -> Interval:
    """The interval of mean(fake) / mean(floor), from one value per draw.

    Draw i of both met the same held-out rows, so draws are resampled in pairs. Draws of n rows out of
    N share a part r = n / N of their rows, and with it a part r of their variance s^2 / (1 - r), which
    resampling cannot see: it is added as a normal number common to all of a replicate's draws. Where
    draws are nearly the same rows (r > 0.8), the spread is taken from the floor. Few draws know their
    own spread poorly: deviations are stretched by sqrt(draws / (draws - 1)) and by the quantile of
    Student's distribution over the normal one.

    fake, floor: (draws,). fake_overlap, floor_overlap: r, in [0, 1]; 0 for fresh samples; the floor's <= 0.8.
    """
    draws = len(fake)
    if draws < 2:
        return None
    floor_spread = _spread(floor, floor_overlap)
    fake_spread = _spread(fake, fake_overlap) if fake_overlap <= SPREAD_KNOWN else floor_spread
    stretch = np.sqrt(draws / (draws - 1)) * stats.t.ppf(0.975, draws - 1) / stats.norm.ppf(0.975)
    picks = rng.integers(draws, size=(REPLICATES, draws))

    def replicates(values: Floats, overlap: float, spread: float) -> Floats:
        common = np.sqrt(overlap) * spread * rng.normal(size=REPLICATES)
        return values.mean() + stretch * (values[picks].mean(axis=1) - values.mean() + common)

    return _tails(
        np.maximum(replicates(fake, fake_overlap, fake_spread), 0),
        replicates(floor, floor_overlap, floor_spread),
    )


def _spread(values: Floats, overlap: float) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(1 - overlap))


def share_interval(hits: int, n: int, floor_hits: int, m: int, rng: np.random.Generator) -> Interval:
    """The interval of (hits / n) / (floor_hits / m), both shares with Jeffreys' prior, Beta(1/2, 1/2)."""
    if floor_hits == 0:
        return None
    tops = rng.beta(hits + 0.5, n - hits + 0.5, REPLICATES)
    return _tails(tops, rng.beta(floor_hits + 0.5, m - floor_hits + 0.5, REPLICATES))


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
    intervals = [_tails(np.full(REPLICATES, v), drawn) for v, drawn in zip(value, extremes, strict=True)]
    return (float(extremes[0].mean()), float(extremes[1].mean())), (intervals[0], intervals[1])


def _tails(tops: Floats, bottoms: Floats) -> Interval:
    """The tails of a ratio's distribution; None where a floor of 0 makes them infinite."""
    if np.percentile(bottoms, TAILS[0]) <= 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.percentile(tops / np.maximum(bottoms, np.finfo(float).tiny), TAILS)
    return float(low), float(high)
