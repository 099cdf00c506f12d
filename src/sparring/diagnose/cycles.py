"""Detectors of a CycleGAN's failures: those of a game, on both sides, and what only translations can fail at. No torch.

The thresholds of the last three lie between the failures on their pages in docs/findings and the healthy runs of
benchmarks/cyclegan.py; how often they are right has not been counted.
"""

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from sparring.diagnose.finding import Evidence
from sparring.diagnose.games import GAME, mode_collapse
from sparring.diagnose.series import Series, Values
from sparring.diagnose.sign import Detector, Sign

__all__ = ["CYCLE", "collapsed_side", "hidden_information", "nothing_translated", "on_either_side"]

SIDES = ("B", "A")
LONG = 4  # looks that must all show it


class _Side(Series):
    """One side's measures under the names that a game's have: "critic/auc" is "critic B/auc", or of both turns."""

    def __init__(self, series: Series, side: str) -> None:
        self.whole, self.side = series, side

    def named(self, name: str) -> str:
        """The name of a measure in the rows."""
        if self.whole.count(name):
            return name
        first = re.sub(r"^(critic|samples)\b", rf"\1 {self.side}", name)
        return re.sub(r"^(generator|critic)/", r"\1s/", first) if first == name else first

    def values(self, name: str, last: int | None = None) -> Values:
        return self.whole.values(self.named(name), last)

    def first(self, name: str, count: int) -> Values:
        return self.whole.first(self.named(name), count)

    def count(self, name: str) -> int:
        return self.whole.count(self.named(name))

    def since(self, name: str, last: int) -> int:
        return self.whole.since(self.named(name), last)

    def names(self, ending: str) -> list[str]:
        return self.whole.names(ending)


def on_either_side(detector: Detector, series: Series) -> Sign | None:
    """What a game's detector sees on one side, or on the other."""
    for side in SIDES:
        sign = _seen(detector, series, side)
        if sign is not None:
            return sign
    return None


def _seen(detector: Detector, series: Series, side: str) -> Sign | None:
    view = _Side(series, side)
    sign = detector(view)
    if sign is None:
        return None
    known = set(series.names(""))
    evidence = (e if e.name in known else Evidence(view.named(e.name), e.value, e.normal) for e in sign.evidence)
    return Sign(sign.since, tuple(evidence))


def _both_collapsed(series: Series) -> Sign | None:
    signs = [_seen(mode_collapse, series, side) for side in SIDES]
    return signs[0] if all(signs) else None


def collapsed_side(series: Series) -> Sign | None:
    """Translations of one side nearly all alike, or on a small part of the data, while the other's are not."""
    signs = [sign for side in SIDES if (sign := _seen(mode_collapse, series, side)) is not None]
    return signs[0] if len(signs) == 1 else None


STILL, BACK, FAR = 0.1, 0.1, 2.0


def nothing_translated(series: Series) -> Sign | None:
    """Rows that come back, because they were hardly changed, while they are far from what they should become."""
    for side, target in (("A", "B"), ("B", "A")):
        moved, back = (series.values(f"translation {side}/{name}", LONG) for name in ("moved", "returned"))
        w1 = series.values(f"samples {target}/w1", LONG)
        if min(len(moved), len(back), len(w1)) < LONG:
            continue
        if moved.max() < STILL and back.max() < BACK and w1.min() > FAR:
            evidence = (
                Evidence(f"translation {side}/moved", float(moved[-1]), f"above {STILL:g}"),
                Evidence(f"samples {target}/w1", float(w1[-1]), f"below {FAR:g}, if it is to stay as it is"),
            )
            return Sign(series.since(f"translation {side}/moved", LONG), evidence)
    return None


LOUD, FOUND = 2.0, 0.25


def hidden_information(series: Series) -> Sign | None:
    """Rows that come back well, but no longer if faint noise is laid over their translations."""
    for side in ("A", "B"):
        hidden, back = (series.values(f"translation {side}/{name}", LONG) for name in ("hidden", "returned"))
        if len(hidden) == LONG and hidden.min() > LOUD and back.max() < FOUND:
            name = f"translation {side}/hidden"
            return Sign(series.since(name, LONG), (Evidence(name, float(hidden[-1]), "about 1, at most 2"),))
    return None


_OWN: Mapping[str, Detector] = {
    "mode-collapse": _both_collapsed,
    "collapsed-side": collapsed_side,
    "nothing-translated": nothing_translated,
    "hidden-information": hidden_information,
}
_CAUSES = ("divergence", "vanishing-gradient")  # of the rest, so they are looked for first
_GAMES: Mapping[str, Detector] = {name: partial(on_either_side, detector) for name, detector in GAME.items()}
CYCLE: Mapping[str, Detector] = MappingProxyType(
    {
        **{name: _GAMES[name] for name in _CAUSES},
        **_OWN,
        **{name: detector for name, detector in _GAMES.items() if name not in (*_CAUSES, *_OWN)},
    }
)
"""Of CycleGANs, by the name of the failure."""
