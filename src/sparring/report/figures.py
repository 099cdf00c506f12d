"""The report's drawings, as inline SVG. Colours are CSS variables of the page, so light and dark both work.

Every function takes numbers and gives markup; every text in it is escaped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from sparring.report.words import number

__all__ = [
    "MANY",
    "PLOT",
    "Axis",
    "Drawing",
    "Line",
    "agreement",
    "curves",
    "floor_bar",
    "histogram",
    "limits",
    "scatter",
]

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 48, 20, 10, 26
PLOT = WIDTH - LEFT - RIGHT  # units between the first and the last step
SQUARE = 400
MANY = 1000  # rows above which a curve is drawn as means over bins
BINS = 250
FAR = 1e100  # a diverged run's samples may be further off than a drawing's numbers can be

Limits = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve: one value a step. colour: a CSS variable's name without its dashes."""

    label: str
    steps: np.ndarray
    values: np.ndarray
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Drawing:
    """An SVG, and what a reader must know to read it rightly."""

    svg: Markup
    notes: tuple[str, ...] = ()


# -- axes


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


# -- marks


def _path(x: np.ndarray, y: np.ndarray) -> str:
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


def _dots(x: np.ndarray, y: np.ndarray) -> str:
    """A path of zero-length strokes: with round caps, a dot a point."""
    ok = np.isfinite(x) & np.isfinite(y)
    return "".join(f"M{px:.1f} {py:.1f}h0" for px, py in zip(x[ok], y[ok], strict=True))


def _text(x: float, y: float, text: str, anchor: str = "middle", extra: str = "") -> Markup:
    tail = Markup(extra)
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(x, y, anchor, tail, text)


def _svg(width: float, height: float, label: str, parts: Sequence[str], kind: str) -> Markup:
    head = f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(parts) + "</svg>")


def _labelled(values: Sequence[float], most: float = 1e9) -> list[tuple[float, str]]:
    """Ticks with their text, in as many digits as tell each one exactly."""
    exact = (d for d in range(3, 13) if all(float(f"{value:.{d - 1}e}") == value for value in values))
    digits = next(exact, 12)
    return [(value, number(value, digits, most)) for value in values]


def _rules(x: Axis, y: Axis, columns: int = 4, rows: int = 4, upright: bool = False) -> list[str]:
    """Grid lines with their numbers; the line at zero is a little stronger."""
    parts = []
    for value, text in _labelled(y.ticks(rows), 1e5):
        at = float(y(value))
        strong = " zero" if value == 0 else ""
        parts.append(f'<path class="rule{strong}" d="M{x.start:g} {at:.1f}H{x.end:g}"/>')
        parts.append(_text(x.start - 7, at + 4, text, "end"))
    for value, text in _labelled(x.ticks(columns)):
        at = float(x(value))
        if upright:
            parts.append(f'<path class="rule" d="M{at:.1f} {y.start:g}V{y.end:g}"/>')
        parts.append(_text(at, y.start + 17, text))
    return parts


# -- curves over steps


def _binned(line: Line, log: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(steps, means, lowest, highest) over BINS stretches of rows; what is not finite is left out."""
    rows = []
    for part in np.array_split(np.arange(len(line.steps)), BINS):
        values = line.values[part]
        values = values[np.isfinite(values) & ((values > 0) | (not log))]
        seen = (values.mean(), values.min(), values.max()) if len(values) else (np.nan,) * 3
        rows.append((line.steps[part].mean(), *seen))
    steps, means, lowest, highest = np.array(rows, float).T
    return steps, means, lowest, highest


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """The area between two curves, in as many pieces as it has gaps."""
    parts = []
    ok = np.isfinite(low) & np.isfinite(high)
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(ok.astype(int))) + 1):
        if ok[piece].all() and len(piece) > 1:
            there = [f"{px:.1f} {py:.1f}" for px, py in zip(x[piece], high[piece], strict=True)]
            back = [f"{px:.1f} {py:.1f}" for px, py in zip(x[piece][::-1], low[piece][::-1], strict=True)]
            parts.append("M" + " ".join(there + back) + "z")
    return "".join(parts)


def _curve(line: Line, x: Axis, y: Axis) -> str:
    style = f'style="--line:var(--{line.colour})"'
    kind = "curve dashed" if line.dashed else "curve"
    if len(line.steps) <= MANY:
        drawn = _path(x(line.steps), y(line.values))
        return f'<path class="{kind}" {style} d="{drawn}"/>' if drawn else ""
    steps, means, lowest, highest = _binned(line, y.log)
    band = f'<path class="band" {style} d="{_band(x(steps), y(lowest), y(highest))}"/>'
    return band + f'<path class="{kind}" {style} d="{_path(x(steps), y(means))}"/>'


def _notes(lines: Sequence[Line], y: Axis) -> tuple[tuple[str, ...], float | None]:
    """What the frame does not show, and the first step at which a value is not finite."""
    values = np.concatenate([line.values for line in lines])
    steps = np.concatenate([line.steps for line in lines])
    finite, notes = np.isfinite(values), []
    outside = int((finite & ((values < y.low) | (values > y.high)) & ((values > 0) | (not y.log))).sum())
    if outside:
        notes.append(f"{outside:,} of {len(values):,} values lie outside the frame (lowest "
                     f"{number(values[finite].min())}, highest {number(values[finite].max())}).")  # fmt: skip
    if y.log and (hidden := int((finite & (values <= 0)).sum())):
        notes.append(f"{hidden:,} values are zero or less, which a logarithmic scale cannot show.")
    bad = steps[~finite]
    if len(bad):
        notes.append(f"{len(bad):,} values are not finite, the first at step {number(bad.min())}.")
    return tuple(notes), float(bad.min()) if len(bad) else None


def curves(
    lines: Sequence[Line], last_step: float, label: str, log: bool = False, chosen: float | None = None
) -> Drawing:
    """Curves over the steps of training, on one pair of axes.

    lines: at least one. last_step: the right end of the horizontal axis. label: what it shows, for
    readers who cannot see it. chosen: a step to be marked, whose weights were kept. Values that are
    not finite break the curve, and are marked and noted.
    """
    values = np.concatenate([line.values for line in lines])
    x = Axis(0.0, max(last_step, 1.0), LEFT, WIDTH - RIGHT)
    y = Axis(*limits(values, log), HEIGHT - BOTTOM, TOP, log)
    notes, broken = _notes(lines, y)
    parts = _rules(x, y)
    if broken is not None:
        parts.append(f'<path class="broken" d="M{float(x(broken)):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    if chosen is not None:
        at = float(x(chosen))
        side, room = ("end", -5) if at > (x.start + x.end) / 2 else ("start", 5)
        parts.append(f'<path class="chosen" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(_text(at + room, TOP + 10, "chosen", side, ' class="name"'))
    parts.append(f'<path class="cursor" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}"/>')
    parts.append(f'<svg x="{LEFT}" y="{TOP}" width="{PLOT}" height="{HEIGHT - TOP - BOTTOM}" '
                 f'viewBox="{LEFT} {TOP} {PLOT} {HEIGHT - TOP - BOTTOM}">')  # fmt: skip
    parts += [_curve(line, x, y) for line in lines]
    return Drawing(_svg(WIDTH, HEIGHT, label, [*parts, "</svg>"], "curves"), notes)


# -- tables of samples


def _common(real: np.ndarray | None, frames: Sequence[np.ndarray]) -> Limits:
    """A range for one column: all real values, and the last samples as far as they are not far away."""
    last = frames[-1] if frames else np.empty(0)
    real = np.empty(0) if real is None else real[np.isfinite(real)]
    if not len(real):
        return limits(last)
    low, high = float(real.min()), float(real.max())
    width = high - low or 1.0
    last = last[np.isfinite(last)]
    if len(last):
        inner_low, inner_high = (float(value) for value in np.quantile(last, (0.01, 0.99)))
        low, high = max(min(low, inner_low), low - width / 2), min(max(high, inner_high), high + width / 2)
    return low - 0.05 * width, high + 0.05 * width


def _square(x: Axis, y: Axis, names: tuple[str, str], marks: Sequence[str], label: str) -> Markup:
    middle = (SQUARE - BOTTOM - 16 + TOP) / 2
    parts = _rules(x, y, 4, 4, upright=True)
    parts.append(_text((x.start + x.end) / 2, SQUARE - 3, names[0], extra=' class="name"'))
    turned = f' class="name" transform="rotate(-90 12 {middle:g})"'
    parts.append(_text(12, middle, names[1], extra=turned))
    inner = f'x="{x.start:g}" y="{y.end:g}" width="{x.end - x.start:g}" height="{y.start - y.end:g}"'
    box = f'viewBox="{x.start:g} {y.end:g} {x.end - x.start:g} {y.start - y.end:g}"'
    return _svg(SQUARE, SQUARE, label, [*parts, f"<svg {inner} {box}>", *marks, "</svg>"], "square")


def _axes(x: Limits, y: Limits) -> tuple[Axis, Axis]:
    return Axis(*x, LEFT + 14, SQUARE - RIGHT), Axis(*y, SQUARE - BOTTOM - 16, TOP)


def _frames(marks: Sequence[str], kind: str) -> list[str]:
    """The generated samples of every step; the page's slider shows one. Without it, the last is shown."""
    shown = ["frame"] * (len(marks) - 1) + ["frame shown"] * bool(marks)
    return [f'<path class="{state} {kind}" d="{mark}"/>' for state, mark in zip(shown, marks, strict=True)]


def scatter(
    real: np.ndarray | None, frames: Sequence[np.ndarray], names: tuple[str, str], behind: bool = False
) -> tuple[Drawing, Drawing | None]:
    """Two columns against each other: the samples of every step before the real data, and the real data alone.

    real: (n, 2) or None; frames: a list of (n, 2), oldest first.
    """
    columns = [_common(None if real is None else real[:, i], [part[:, i] for part in frames]) for i in (0, 1)]
    x, y = _axes(*columns)
    marks = _frames([_dots(x(part[:, 0]), y(part[:, 1])) for part in frames], "dots fake")
    below = [] if real is None else [f'<path class="dots real" d="{_dots(x(real[:, 0]), y(real[:, 1]))}"/>']
    back = [] if real is None else [f'<path class="dots behind" d="{_dots(x(real[:, 0]), y(real[:, 1]))}"/>']
    notes = _outside(frames[-1], columns) if frames else ()
    made = Drawing(_square(x, y, names, back + marks, "Generated samples before real data"), notes)
    return made, None if real is None else Drawing(_square(x, y, names, below, "Real data"))


def _outside(last: np.ndarray, columns: Sequence[Limits]) -> tuple[str, ...]:
    low, high = np.array(columns).T
    count = int((~((last >= low) & (last <= high)).all(axis=1)).sum())
    return (f"{count:,} of the {len(last):,} newest samples lie outside the frame.",) if count else ()


def agreement(pairs: Sequence[tuple[float, float]]) -> Markup:
    """Answers (upright) against true values (across); on the thin line they agree."""
    points = np.array(pairs, float)
    both = limits(points.ravel())
    x, y = _axes(both, both)
    ends = [f"{float(axis(value)):.1f}" for value in both for axis in (x, y)]
    line = f'<path class="rule zero" d="M{ends[0]} {ends[1]}L{ends[2]} {ends[3]}"/>'
    dots = f'<path class="dots real" d="{_dots(x(points[:, 0]), y(points[:, 1]))}"/>'
    return _square(x, y, ("true value", "answer"), [line, dots], "Answers against true values")


def _stairs(counts: np.ndarray, edges: np.ndarray, x: Axis, y: Axis) -> str:
    tops = "".join(
        f"V{float(y(count)):.1f}H{float(x(edge)):.1f}" for count, edge in zip(counts, edges[1:], strict=True)
    )
    return f"M{x.start:.1f} {y.start:.1f}{tops}V{y.start:.1f}"


def histogram(real: np.ndarray | None, frames: Sequence[np.ndarray], name: str) -> tuple[Drawing, Drawing | None]:
    """One column: shares of the samples of every step, before the real data's; and the real data's alone.

    real: (n,) or None; frames: a list of (n,), oldest first.
    """
    column = _common(real, frames)
    edges = np.linspace(*column, 41)
    every = [*frames] if real is None else [*frames, real]
    shares = [np.histogram(part[np.isfinite(part)], edges)[0] / max(len(part), 1) for part in every]
    tallest = max([float(share.max()) for share in (shares[-2:])], default=0.0) or 1.0
    x, y = _axes(column, (0.0, 1.15 * tallest))
    stairs = [_stairs(share, edges, x, y) for share in shares]
    names = (name, "share of samples")
    marks = _frames(stairs[: len(frames)], "stairs fake")
    back = [] if real is None else [f'<path class="stairs behind" d="{stairs[-1]}"/>']
    notes = _outside(frames[-1][:, None], [column]) if frames else ()
    made = Drawing(_square(x, y, names, back + marks, "Generated samples before real data"), notes)
    if real is None:
        return made, None
    alone = [f'<path class="stairs real" d="{stairs[-1]}"/>']
    return made, Drawing(_square(x, y, names, alone, "Real data"))


# -- the verdict


def floor_bar(value: float | None, floor: float | None, interval: Limits | None, grade: str | None) -> Markup:
    """A bar for a value, a tick for its floor and a whisker for its interval (in the value's unit)."""
    known = [number for number in (value, floor, *(interval or ())) if number is not None and math.isfinite(number)]
    if value is None or not math.isfinite(value) or not known:
        return Markup("")
    low, high = min(0.0, *known), max(0.0, *known)
    x = Axis(low, high if high > low else low + 1, 2, 138)
    zero, end = float(x(0)), float(x(value))
    colour = grade if grade in ("good", "fair", "poor") else "soft"
    parts = [
        '<path class="track" d="M2 12H138"/>',
        f'<path class="bar" style="--line:var(--{colour})" d="M{zero:.1f} 12H{end:.1f}"/>',
    ]
    if interval is not None and all(math.isfinite(side) for side in interval):
        start, stop = (float(x(side)) for side in interval)
        parts.append(f'<path class="whisker" d="M{start:.1f} 12H{stop:.1f}M{start:.1f} 9v6M{stop:.1f} 9v6"/>')
    if floor is not None and math.isfinite(floor):
        parts.append(f'<path class="floor" d="M{float(x(floor)):.1f} 3v18"/>')
    return _svg(140, 24, f"value {number(value)}, floor {number(floor)}", parts, "against")
