"""Detectors of a game's failures: pure functions of the rows so far. No torch, so that old run folders can be read.

Each says whether a failure shows in the newest rows. Thresholds of the four failures were set on the games of even
seeds of benchmarks/diagnosis.py; how often they are right on the others stands in benchmarks/RESULTS.md.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sparring.diagnose.finding import Evidence
from sparring.diagnose.series import Series, Values
from sparring.diagnose.sign import Detector, Sign

__all__ = [
    "GAME",
    "divergence",
    "lost_modes",
    "memorised_rows",
    "mode_collapse",
    "overfitting_critic",
    "overpowering_critic",
    "underfit_critic",
    "unstable_gradient",
    "vanishing_gradient",
]


EARLY = 3  # looks at the start from which nothing is concluded: nothing is learned yet
CERTAIN = 3  # looks that must all show it
FIRST = 20  # rows at the start that say how large a gradient is


def _lasting(series: Series, name: str) -> Values | None:
    """The last looks at a probe's measure, or None while there are too few to conclude from."""
    return series.values(name, CERTAIN) if series.count(name) >= EARLY + CERTAIN else None


GROWN, AWAY, WIDE = 1e3, 30.0, 10.0
RECENT = 10  # rows whose median says how large a gradient is now


def divergence(series: Series) -> Sign | None:
    """Numbers that are not finite, a gradient that grows a thousandfold, samples that drift away from the data."""
    for name in series.names(""):
        value = float(series.values(name, 1)[0])
        if not math.isfinite(value):
            return Sign(series.since(name, 1), (Evidence(name, value, "finite"),))
    return _grown_gradient(series) or _drifted_samples(series)


def _grown_gradient(series: Series) -> Sign | None:
    name = "generator/gradient"
    if series.count(name) < FIRST + RECENT:
        return None
    first, now = float(np.median(series.first(name, FIRST))), float(np.median(series.values(name, RECENT)))
    if now <= GROWN * first:
        return None
    return Sign(
        series.since(name, RECENT), (Evidence(name, now, f"within a thousand of its first values, {first:.3g}"),)
    )


def _drifted_samples(series: Series) -> Sign | None:
    w1, spread = _lasting(series, "samples/w1"), _lasting(series, "samples/dispersion")
    if w1 is None or spread is None or not ((w1 > AWAY) | (spread > WIDE)).all():
        return None
    evidence = (
        Evidence("samples/w1", float(w1[-1]), f"below {AWAY:g}"),
        Evidence("samples/dispersion", float(spread[-1]), "0.9 to 1.1"),
    )
    return Sign(series.since("samples/w1", CERTAIN), evidence)


VANISHED, APART = 3e-3, 0.98


def vanishing_gradient(series: Series) -> Sign | None:
    """The generator's gradient a small part of what it was at first, while the critic tells all samples apart."""
    auc, gradient = _lasting(series, "critic/auc"), series.values("generator/gradient", CERTAIN)
    if auc is None or series.count("generator/gradient") < FIRST + CERTAIN:
        return None
    first, now = float(np.median(series.first("generator/gradient", FIRST))), float(gradient.max())
    if now > VANISHED * first or auc.min() < APART:
        return None
    return Sign(
        series.since("generator/gradient", CERTAIN),
        (
            Evidence("generator/gradient", now, f"above {VANISHED} of its first values, {first:.3g}"),
            Evidence("critic/auc", float(auc[-1]), f"below {APART}"),
        ),
    )


NEAR, COVERED = 1.5, 0.6  # times their floors: of samples good enough for sure critics, for jumps not to matter
LONG = 5  # looks whose middle is taken, or that must all show it
LATE = 10  # looks before samples are said to stay as they are: they may get better yet
DECADES = 0.5


def unstable_gradient(series: Series) -> Sign | None:
    """A generator's gradient whose size jumps from step to step, while its samples are far from the data."""
    jumps, coverage = series.values("generator/jumps", LONG), _lasting(series, "samples/coverage")
    if series.count("generator/jumps") < LATE or coverage is None or np.median(jumps) < DECADES:
        return None
    if coverage.max() > COVERED:
        return None
    normal = f"below {DECADES} decades within 50 steps, in the middle of {LONG} looks"
    evidence = Evidence("generator/jumps", float(np.median(jumps)), normal)
    return Sign(_first(series, "generator/jumps", jumps >= DECADES), (evidence,))


def _first(series: Series, name: str, shown: NDArray[np.bool_]) -> int:
    """The step of the first of the newest looks that shows it."""
    return series.since(name, len(shown) - int(shown.argmax()))


COLLAPSED, HALF, BARE, EMPTY = 0.35, 0.5, 0.25, 0.68
SPREADING, FALLING = 1.1, 0.9  # a fourth look over the first, the last look over the middle one: it gets better


def mode_collapse(series: Series) -> Sign | None:
    """Samples that are nearly all alike, or on a small part of the data, and do not get better."""
    if series.count("samples/missed") < LATE:
        return None
    spread, missed, coverage = (series.values(f"samples/{name}", LONG) for name in ("dispersion", "missed", "coverage"))
    shown = []
    still = spread[-1] < SPREADING * spread[-CERTAIN - 1]
    if still and (spread[-CERTAIN:].max() < COLLAPSED or (np.median(spread) < HALF and np.median(coverage) < BARE)):
        shown.append(Evidence("samples/dispersion", float(spread[-1]), "0.9 to 1.1"))
        shown.append(Evidence("samples/coverage", float(coverage[-1]), "near 1"))
    usual = float(np.median(missed))
    if usual > EMPTY and missed[-1] > FALLING * usual:
        shown.append(Evidence("samples/missed", float(missed[-1]), "below 0.05"))
    since = _first(series, "samples/missed", (missed > EMPTY) | (spread < HALF))
    return Sign(since, tuple(shown)) if shown else None


THIN = 0.1


def lost_modes(series: Series) -> Sign | None:
    """A part of the data without samples, look after look, and no smaller than it was before those."""
    missed = series.values("samples/missed", LATE)
    if len(missed) < LATE or missed[-LONG:].min() <= THIN:
        return None
    if np.median(missed[-CERTAIN:]) < FALLING * np.median(missed[:-LONG]):
        return None
    evidence = Evidence("samples/missed", float(missed[-1]), "below 0.05, or falling")
    return Sign(series.since("samples/missed", LONG), (evidence,))


SURE, BETTER, BLIND, FAR = 0.99, 0.97, 0.6, 2.0


def overpowering_critic(series: Series) -> Sign | None:
    """All samples told apart, look after look, and none of them better for it."""
    auc, w1 = series.values("critic/auc", LONG), series.values("samples/w1")
    if len(w1) < LATE or len(auc) < LONG or auc.min() < SURE or w1[-3:].min() < NEAR:
        return None
    if np.median(w1[-3:]) < BETTER * np.median(w1[-6:-3]):
        return None
    evidence = (
        Evidence("critic/auc", float(auc[-1]), f"below {SURE}"),
        Evidence("samples/w1", float(w1[-1]), f"falling, from {np.median(w1[-6:-3]):.3g} three looks ago"),
    )
    return Sign(series.since("critic/auc", LONG), evidence)


def underfit_critic(series: Series) -> Sign | None:
    """Samples far from the data that are hardly told apart, and do not get nearer.

    Where they do, the critic teaches, however little its scores differ: it has to keep up with what it has taught.
    """
    auc, w1 = series.values("critic/auc", LONG), series.values("samples/w1", LATE)
    if len(w1) < LATE or len(auc) < LONG or np.median(auc) > BLIND or w1[-LONG:].min() < FAR:
        return None
    if np.median(w1[-CERTAIN:]) < FALLING * np.median(w1[:CERTAIN]):
        return None
    evidence = (
        Evidence("critic/auc", float(np.median(auc)), f"above {BLIND} while samples are far from the data"),
        Evidence("samples/w1", float(w1[-1]), f"below {FAR:g}"),
    )
    return Sign(series.since("critic/auc", LONG), evidence)


BY_HEART = 0.75


def overfitting_critic(series: Series) -> Sign | None:
    """Rows learned from scored above rows held out."""
    return _above(series, "critic/memory", BY_HEART, "about 0.5")


COPIED, SURELY = 0.65, 3.0  # the share of samples; deviations by which it is above a half


def memorised_rows(series: Series) -> Sign | None:
    """Samples nearer to rows learned from than to rows held out, by more than those rows differ by chance.

    Samples that are all alike are all nearest to the same row, whichever side it is on: then one row has a say, and
    nothing follows from it. ``voices`` is how many have; a share among so many has a deviation of half over its root.
    """
    nearer, voices = series.values("samples/nearer", LONG), series.values("samples/voices", LONG)
    if len(voices) == len(nearer) == LONG:
        chance = 0.5 + SURELY * 0.5 / np.sqrt(np.maximum(voices, 1.0))
        if (nearer <= chance).any():
            return None
    elif series.count("samples/dispersion") and series.values("samples/dispersion", LONG).min() < HALF:
        return None
    return _above(series, "samples/nearer", COPIED, "about 0.5")


def _above(series: Series, name: str, limit: float, normal: str) -> Sign | None:
    values = series.values(name, LONG)
    if series.count(name) < EARLY + LONG or values.min() <= limit:
        return None
    return Sign(series.since(name, LONG), (Evidence(name, float(values[-1]), normal),))


GAME: Mapping[str, Detector] = MappingProxyType(
    {
        "divergence": divergence,
        "vanishing-gradient": vanishing_gradient,
        "mode-collapse": mode_collapse,
        "unstable-gradient": unstable_gradient,
        "lost-modes": lost_modes,
        "overpowering-critic": overpowering_critic,
        "underfit-critic": underfit_critic,
        "overfitting-critic": overfitting_critic,
        "memorised-rows": memorised_rows,
    }
)
"""Of games, by the name of the failure."""
