"""What the report's drawings are made of: axes, grid lines, marks and text, as pieces of SVG.

Colours are CSS variables of the page, so light and dark both work; every text is escaped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from sparring.report.words import number

__all__ = [
    "Axis",
    "Limits",
    "dots_of",
    "labelled",
    "levels_of",
    "limits",
    "path_of",
    "rules_of",
    "svg_of",
    "text_at",
]

FAR = 1e100  # a diverged run's samples may be further off than a drawing's numbers can be

Limits = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """A map from values to drawing units, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, values: np.ndarray | float) -> np.ndarray:
        value, low, high = np.clip(np.asarray(values, float), -FAR, FAR), self.low, self.high
        if self.log:
            value = np.log10(np.where(value > 0, value, np.nan))
            low, high = math.log10(low), math.log10(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values inside the axis, about so many."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            if last - first >= 1:
                every = math.ceil((last - first + 1) / count)
                return [10.0**power for power in range(first, last + 1, every)]
        raw = (self.high - self.low) / count
        power = 10 ** math.floor(math.log10(raw))
        step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= 0.75 * raw)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def limits(values: np.ndarray, log: bool = False) -> Limits:
    """A range that shows the values with a little room. All equal, or none at all, is allowed.

    A linear range leaves out spikes: where the whole range is more than four times the middle
    96 %, it shows that middle with half its width on either side.
    """
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(finite):
        return (0.1, 10.0) if log else (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if log:
        room = max((high / low) ** 0.06, 1.3)
        return low / room, high * room
    inner_low, inner_high = (float(value) for value in np.quantile(finite, (0.02, 0.98)))
    inner = inner_high - inner_low
    if inner > 0 and high - low > 4 * inner:
        low, high = max(low, inner_low - inner / 2), min(high, inner_high + inner / 2)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def path_of(x: np.ndarray, y: np.ndarray) -> str:
    """Straight lines through the points, broken where one is not finite; a lone point becomes a dot."""
    parts, pen = [], False
    ok = np.isfinite(x) & np.isfinite(y)
    for index, (px, py) in enumerate(zip(x, y, strict=True)):
        if ok[index]:
            parts.append(f"{'' if pen else 'M'}{px:.1f} {py:.1f}")
            if not pen and (index + 1 == len(x) or not ok[index + 1]):
                parts.append("h0")
        pen = bool(ok[index])
    return " ".join(parts)


def dots_of(x: np.ndarray, y: np.ndarray) -> str:
    """A path of zero-length strokes: with round caps, a dot a point."""
    ok = np.isfinite(x) & np.isfinite(y)
    return "".join(f"M{px:.1f} {py:.1f}h0" for px, py in zip(x[ok], y[ok], strict=True))


def text_at(x: float, y: float, text: str, anchor: str = "middle", extra: str = "") -> Markup:
    tail = Markup(extra)
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(x, y, anchor, tail, text)


def svg_of(width: float, height: float, label: str, parts: Sequence[str], kind: str) -> Markup:
    head = f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(parts) + "</svg>")


def labelled(values: Sequence[float], most: float = 1e9) -> list[tuple[float, str]]:
    """Ticks with their text, in as many digits as tell each one exactly."""
    exact = (d for d in range(3, 13) if all(float(f"{value:.{d - 1}e}") == value for value in values))
    digits = next(exact, 12)
    return [(value, number(value, digits, most)) for value in values]


def levels_of(x: Axis, y: Axis, rows: int = 4) -> list[str]:
    """Level grid lines with their numbers; the line at zero is a little stronger."""
    parts = []
    for value, text in labelled(y.ticks(rows), 1e5):
        at = float(y(value))
        strong = " zero" if value == 0 else ""
        parts.append(f'<path class="rule{strong}" d="M{x.start:g} {at:.1f}H{x.end:g}"/>')
        parts.append(text_at(x.start - 7, at + 4, text, "end"))
    return parts


def rules_of(x: Axis, y: Axis, columns: int = 4, rows: int = 4, upright: bool = False) -> list[str]:
    """Grid lines in both directions, with their numbers."""
    parts = levels_of(x, y, rows)
    for value, text in labelled(x.ticks(columns)):
        at = float(x(value))
        if upright:
            parts.append(f'<path class="rule" d="M{at:.1f} {y.start:g}V{y.end:g}"/>')
        parts.append(text_at(at, y.start + 17, text))
    return parts
