"""Detectors of a game's failures: pure functions of the rows so far. No torch, so that old run folders can be read.

Each says whether a failure shows in the newest rows. Thresholds are first guesses from a few runs: how often they are
right is for benchmarks/diagnosis.py to measure, which has not been done over many games yet.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

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


SCORES, AWAY = 1e4, 10.0


def divergence(series: Series) -> Sign | None:
    """Numbers that are not finite, scores that grow without bound, samples ever further from the data."""
    for name in series.names(""):
        value = float(series.values(name, 1)[0])
        if not math.isfinite(value):
            return Sign(series.since(name, 1), (Evidence(name, value, "finite"),))
    size, w1 = _lasting(series, "critic/score_size"), _lasting(series, "samples/w1")
    if size is not None and size.min() > SCORES:
        return Sign(
            series.since("critic/score_size", CERTAIN),
            (Evidence("critic/score_size", float(size[-1]), f"below {SCORES:g}"),),
        )
    if w1 is not None:
        least = float(series.values("samples/w1").min())
        if w1.min() > AWAY * max(least, 1.0):
            return Sign(
                series.since("samples/w1", CERTAIN),
                (Evidence("samples/w1", float(w1[-1]), f"near its least so far, {least:.3g}"),),
            )
    return None


VANISHED, APART = 1e-3, 0.98


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
            Evidence("generator/gradient", now, f"above a thousandth of its first values, {first:.3g}"),
            Evidence("critic/auc", float(auc[-1]), f"below {APART}"),
        ),
    )


NEAR = 1.5  # times its floor: samples whose W1 is below are good enough for jumps and sure critics not to matter
DECADES = 0.6


def unstable_gradient(series: Series) -> Sign | None:
    """A generator's gradient whose size jumps from step to step, while its samples are not near the data."""
    jumps, w1 = _lasting(series, "generator/jumps"), _lasting(series, "samples/w1")
    if jumps is None or w1 is None or jumps.min() < DECADES or w1.min() < NEAR:
        return None
    evidence = Evidence("generator/jumps", float(jumps[-1]), f"below {DECADES} decades within 50 steps")
    return Sign(series.since("generator/jumps", CERTAIN), (evidence,))


COLLAPSED, EMPTY, THIN = 0.35, 0.6, 0.1


def mode_collapse(series: Series) -> Sign | None:
    """Samples that hardly spread, or leave most of the data without any."""
    spread, missed = _lasting(series, "samples/dispersion"), _lasting(series, "samples/missed")
    if spread is None or missed is None:
        return None
    shown = []
    if spread.max() < COLLAPSED:
        shown.append(Evidence("samples/dispersion", float(spread[-1]), "0.9 to 1.1"))
    if missed.min() > EMPTY:
        shown.append(Evidence("samples/missed", float(missed[-1]), "below 0.05"))
    return Sign(series.since("samples/missed", CERTAIN), tuple(shown)) if shown else None


LATE = 10  # looks before a part of the data is missed: it may be learned yet
FALLING = 0.9


def lost_modes(series: Series) -> Sign | None:
    """A part of the data without samples, look after look, and no smaller than it was before those."""
    missed = series.values("samples/missed", LATE)
    if len(missed) < LATE or missed[-LONG:].min() <= THIN:
        return None
    if np.median(missed[-CERTAIN:]) < FALLING * np.median(missed[:-LONG]):
        return None
    evidence = Evidence("samples/missed", float(missed[-1]), "below 0.05, or falling")
    return Sign(series.since("samples/missed", LONG), (evidence,))


LONG = 5  # looks that must show what a critic does wrong
SURE, BETTER, BLIND, FAR = 0.99, 0.97, 0.55, 2.0


def overpowering_critic(series: Series) -> Sign | None:
    """All samples told apart, look after look, and none of them better for it."""
    auc, w1 = series.values("critic/auc", LONG), series.values("samples/w1")
    if len(w1) < LATE or auc.min() < SURE or w1[-3:].min() < NEAR or np.median(w1[-3:]) < BETTER * np.median(w1[-6:-3]):
        return None
    evidence = (
        Evidence("critic/auc", float(auc[-1]), f"below {SURE}"),
        Evidence("samples/w1", float(w1[-1]), f"falling, from {np.median(w1[-6:-3]):.3g} three looks ago"),
    )
    return Sign(series.since("critic/auc", LONG), evidence)


def underfit_critic(series: Series) -> Sign | None:
    """Samples far from the data that are not told apart."""
    auc, w1 = series.values("critic/auc", LONG), series.values("samples/w1", LONG)
    if series.count("samples/w1") < LATE or np.abs(auc - 0.5).max() > BLIND - 0.5 or w1.min() < FAR:
        return None
    evidence = (
        Evidence("critic/auc", float(auc[-1]), f"above {BLIND} while samples are far from the data"),
        Evidence("samples/w1", float(w1[-1]), f"below {FAR:g}"),
    )
    return Sign(series.since("critic/auc", LONG), evidence)


BY_HEART = 0.75


def overfitting_critic(series: Series) -> Sign | None:
    """Rows learned from scored above rows held out."""
    return _above(series, "critic/memory", BY_HEART, "about 0.5")


COPIED = 0.65


def memorised_rows(series: Series) -> Sign | None:
    """Samples nearer to rows learned from than to rows held out."""
    return _above(series, "samples/nearer", COPIED, "about 0.5")


def _above(series: Series, name: str, limit: float, normal: str) -> Sign | None:
    values = series.values(name, LONG)
    if len(values) < LONG or values.min() <= limit:
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
