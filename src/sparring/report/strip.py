"""A figure on its scale, with its interval and its baseline, as a strip."""

import math

from markupsafe import Markup

from sparring.report.axes import Axis, Limits, svg_of, text_at
from sparring.report.words import number

__all__ = ["strip"]

WIDTH, HEIGHT, MIDDLE = 440, 62, 31
SIDE = 34  # room for the numbers at both ends


def strip(value: float, baseline: float, interval: Limits, ends: Limits, name: str, unit: str = "") -> Markup:
    """A bar for a value, a whisker for its interval, and an upright tick for its baseline, each with its number.

    ends: of the scale, which every number is drawn within. Nothing is drawn of what is not finite.
    """
    if not all(math.isfinite(one) for one in (value, baseline, *interval, *ends)) or ends[0] >= ends[1]:
        return Markup("")
    x = Axis(*ends, SIDE, WIDTH - SIDE)
    at, low, high, least = (min(max(float(x(one)), x.start), x.end) for one in (value, *interval, baseline))
    said = f"{name} {number(value)}{unit}"
    caps = "".join(f"M{side:.1f} {MIDDLE - 5}v10" for side in (low, high))
    parts = [
        f'<path class="track" d="M{x.start:g} {MIDDLE}H{x.end:g}"/>',
        f'<path class="bar" style="--line:var(--real)" d="M{x.start:g} {MIDDLE}H{at:.1f}"/>',
        f'<path class="whisker" d="M{low:.1f} {MIDDLE}H{high:.1f}{caps}"/>',
        f'<path class="floor" d="M{least:.1f} {MIDDLE - 10}v20"/>',
        text_at(x.start - 10, MIDDLE + 4, number(ends[0]), "end"),
        text_at(x.end + 10, MIDDLE + 4, number(ends[1]), "start"),
        text_at(at, MIDDLE - 14, said, _anchor(at, x), ' class="name"'),
        text_at(least, MIDDLE + 26, f"without inputs {number(baseline)}", _anchor(least, x)),
    ]
    label = f"{said}, interval {number(interval[0])} to {number(interval[1])}, without inputs {number(baseline)}"
    return svg_of(WIDTH, HEIGHT, label, parts, "strip")


def _anchor(at: float, x: Axis) -> str:
    """Which side of a text stands at its place, so that it stays inside."""
    share = (at - x.start) / (x.end - x.start)
    return "start" if share < 0.2 else "end" if share > 0.8 else "middle"
