"""A figure beside its noise floor: the 95 % interval of the ratio of two means over draws."""

import numpy as np
from scipy import stats

from sparring.transport.clouds import Floats

__all__ = ["REPLICATES", "Interval", "draws_interval", "tails"]

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

    return tails(
        np.maximum(replicates(fake, fake_overlap, fake_spread), 0),
        replicates(floor, floor_overlap, floor_spread),
    )


def _spread(values: Floats, overlap: float) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(1 - overlap))


def tails(tops: Floats, bottoms: Floats) -> Interval:
    """The interval of a ratio, from replicates of both sides; None where a floor of 0 makes them infinite."""
    if np.percentile(bottoms, TAILS[0]) <= 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low, high = np.percentile(tops / np.maximum(bottoms, np.finfo(float).tiny), TAILS)
    return float(low), float(high)
